use std::fmt;
use std::str::FromStr;

use crate::word::UnknownWord;

/// What publishing into a full ring does.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum OnFull {
    /// Waits for the slowest poller. Nothing is lost.
    #[default]
    Block,
    /// Drops the newest events and counts them.
    Drop,
    /// Gives the events back as an error that ends the run.
    Fail,
}

impl FromStr for OnFull {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "block" => Ok(Self::Block),
            "drop" => Ok(Self::Drop),
            "fail" => Ok(Self::Fail),
            _ => Err(UnknownWord::new(word, "block, drop, fail")),
        }
    }
}

impl fmt::Display for OnFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Block => "block",
            Self::Drop => "drop",
            Self::Fail => "fail",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_back_as_it_prints() {
        for policy in [OnFull::Block, OnFull::Drop, OnFull::Fail] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
    }

    #[test]
    fn an_unknown_policy_is_named_with_the_choices() {
        let error = "Block".parse::<OnFull>().unwrap_err();
        assert_eq!(error.to_string(), "`Block` is not one of block, drop, fail");
    }
}
