//! What the venue's codes mean: one row each.

use super::config::Channel;

/// The word an answer about a symbol of several markets holds, as its code or in its message.
const AMBIGUOUS_SYMBOL: &str = "AMBIGUOUS_SYMBOL";

/// What [`crate::Refusal::code`] holds when the venue's code is a word; the word is in the message.
const WORD_CODE: i64 = -1;

/// A code as it came: a number, as such or as text, or a word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code<'a> {
    Number(i64),
    Word(&'a str),
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Meaning {
    KeyRefused,
    AddressRefused,
    /// Address or plan: an HTTP 403 does not say which.
    Forbidden,
    PlanLacks,
    BadParameter,
    UnknownSymbol,
    AmbiguousSymbol,
    RateLimited,
    QuotaUsed,
    TooManyConnections,
    TooManySubscriptions,
    UnknownCommand,
    MalformedCommand,
    Unavailable(Channel),
    ServerFault,
    Unknown,
}

impl Code<'_> {
    /// The number for reports.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Number(number) => number,
            Self::Word(_) => WORD_CODE,
        }
    }
}

impl Meaning {
    /// The documented rows, and HTTP codes, which the vendor's own examples show in bodies.
    pub(crate) fn of(code: Code<'_>, message: &str) -> Self {
        if code == Code::Word(AMBIGUOUS_SYMBOL) || message.contains(AMBIGUOUS_SYMBOL) {
            return Self::AmbiguousSymbol;
        }
        match code.number() {
            401 | 1001 | 1002 => Self::KeyRefused,
            1003 => Self::AddressRefused,
            403 => Self::Forbidden,
            1004 => Self::PlanLacks,
            400 | 2001 => Self::BadParameter,
            2002 => Self::UnknownSymbol,
            429 | 3001 => Self::RateLimited,
            3002 => Self::QuotaUsed,
            3003 => Self::TooManyConnections,
            3004 => Self::TooManySubscriptions,
            4001 => Self::UnknownCommand,
            4002 => Self::MalformedCommand,
            4003 => Self::Unavailable(Channel::Depth),
            4004 => Self::Unavailable(Channel::Trade),
            500 | 502..=504 | 5000..=5002 => Self::ServerFault,
            _ => Self::Unknown,
        }
    }

    /// What to tell people beside the venue's own words.
    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::KeyRefused => "check TICKDB_API_KEY",
            Self::AddressRefused => "add this address to the key's IP whitelist",
            Self::Forbidden => "check the plan and the IP whitelist of TICKDB_API_KEY",
            Self::PlanLacks => "the plan lacks this channel; dropped",
            Self::BadParameter => "a bad parameter; not asked again",
            Self::UnknownSymbol => "unknown symbol",
            Self::AmbiguousSymbol => "symbol of several markets",
            Self::RateLimited => "rate limited; asked again with the next connection",
            Self::QuotaUsed => "the quota is used up; run again after its reset",
            Self::TooManyConnections => "too many connections for this key; close the others",
            Self::TooManySubscriptions => "too many subscriptions for this plan; the rest goes on",
            Self::UnknownCommand => "the venue does not know a command we sent; a fault of ours",
            Self::MalformedCommand => "the venue cannot read a command we sent; a fault of ours",
            Self::Unavailable(Channel::Depth) => {
                "depth is not available now; dropped until the next connection"
            }
            Self::Unavailable(_) => {
                "trades are not available now; dropped until the next connection"
            }
            Self::ServerFault => "a fault at the venue",
            Self::Unknown => "a code that is not documented",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_row() {
        let rows: &[(&[i64], Meaning)] = &[
            (&[1001, 1002, 401], Meaning::KeyRefused),
            (&[1003], Meaning::AddressRefused),
            (&[403], Meaning::Forbidden),
            (&[1004], Meaning::PlanLacks),
            (&[2001, 400], Meaning::BadParameter),
            (&[2002], Meaning::UnknownSymbol),
            (&[3001, 429], Meaning::RateLimited),
            (&[3002], Meaning::QuotaUsed),
            (&[3003], Meaning::TooManyConnections),
            (&[3004], Meaning::TooManySubscriptions),
            (&[4001], Meaning::UnknownCommand),
            (&[4002], Meaning::MalformedCommand),
            (&[4003], Meaning::Unavailable(Channel::Depth)),
            (&[4004], Meaning::Unavailable(Channel::Trade)),
            (&[5000, 5001, 5002, 500, 502, 503, 504], Meaning::ServerFault),
            (&[2003, 2004, 9999, -7, 501, 1], Meaning::Unknown),
        ];
        for &(codes, meaning) in rows {
            for &code in codes {
                assert_eq!(Meaning::of(Code::Number(code), "words"), meaning, "{code}");
            }
        }
    }

    #[test]
    fn an_ambiguous_symbol_is_known_by_code_or_message() {
        assert_eq!(Meaning::of(Code::Word("AMBIGUOUS_SYMBOL"), ""), Meaning::AmbiguousSymbol);
        let message = "AMBIGUOUS_SYMBOL: pass type";
        assert_eq!(Meaning::of(Code::Number(2001), message), Meaning::AmbiguousSymbol);
        assert_eq!(Meaning::of(Code::Word("OOPS"), ""), Meaning::Unknown);
    }
}
