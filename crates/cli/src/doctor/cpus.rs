//! Sets of cores, in the two forms that the kernel writes and reads.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

/// A set of logical processors by their numbers.
///
/// Invariant: every number is below [`CPUS_MAX`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct CpuSet(BTreeSet<usize>);

impl CpuSet {
    /// The list form: `0-3,8`, with `0-31:2/4` for two of every four, and `N` and `all` where the last
    /// core is known. Blanks at the ends do not count.
    pub(crate) fn from_list(text: &str, last: Option<usize>) -> Option<Self> {
        let mut cpus = BTreeSet::new();
        for part in text.trim().split(',') {
            let (range, every) = part.split_once(':').unwrap_or((part, "1/1"));
            let (used, group) = every.split_once('/')?;
            let (used, group): (usize, usize) = (used.parse().ok()?, group.parse().ok()?);
            let number = |word: &str| if word == "N" { last } else { word.parse().ok() };
            let (first, end) = match range.split_once('-') {
                Some((first, end)) => (number(first)?, number(end)?),
                None if range == "all" => (0, last?),
                None => (number(range)?, number(range)?),
            };
            if first > end || end >= CPUS_MAX || group == 0 {
                return None;
            }
            cpus.extend((first..=end).filter(|cpu| (cpu - first) % group < used));
        }
        Some(Self(cpus))
    }

    /// The mask form: hexadecimal, a comma after every 32 cores, the lowest last.
    pub(crate) fn from_mask(text: &str) -> Option<Self> {
        let mut cpus = BTreeSet::new();
        for (index, word) in text.trim().rsplit(',').enumerate() {
            let bits = u32::from_str_radix(word, 16).ok()?;
            if index * 32 >= CPUS_MAX {
                return None;
            }
            cpus.extend((0..32).filter(|bit| bits >> bit & 1 == 1).map(|bit| index * 32 + bit));
        }
        Some(Self(cpus))
    }

    /// The mask form of this set.
    pub(crate) fn mask(&self) -> String {
        let words = self.0.last().map_or(1, |last| last / 32 + 1);
        let word = |index: usize| {
            let bits = (0..32).filter(|bit| self.0.contains(&(index * 32 + bit)));
            bits.fold(0_u32, |word, bit| word | 1 << bit)
        };
        let mut text = format!("{:x}", word(words - 1));
        for index in (0..words - 1).rev() {
            text.push_str(&format!(",{:08x}", word(index)));
        }
        text
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn first(&self) -> Option<usize> {
        self.0.first().copied()
    }

    pub(crate) fn last(&self) -> Option<usize> {
        self.0.last().copied()
    }

    pub(crate) fn contains(&self, cpu: usize) -> bool {
        self.0.contains(&cpu)
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Those in both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self(&self.0 & &other.0)
    }

    /// Those in either.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self(&self.0 | &other.0)
    }

    /// Those of this one that are not in the other.
    pub(crate) fn without(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }
}

impl FromIterator<usize> for CpuSet {
    /// Numbers that no machine has are left out.
    fn from_iter<I: IntoIterator<Item = usize>>(cpus: I) -> Self {
        Self(cpus.into_iter().filter(|&cpu| cpu < CPUS_MAX).collect())
    }
}

impl Display for CpuSet {
    /// The list form; `none` for none.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(first) = self.first() else { return f.write_str("none") };
        let mut start = first;
        for (cpu, next) in self.iter().zip(self.iter().skip(1).map(Some).chain([None])) {
            if next == Some(cpu + 1) {
                continue;
            }
            let comma = if start == first { "" } else { "," };
            if cpu == start {
                write!(f, "{comma}{start}")?;
            } else {
                write!(f, "{comma}{start}-{cpu}")?;
            }
            start = next.unwrap_or(start);
        }
        Ok(())
    }
}

/// Above what any kernel is built for (`CONFIG_NR_CPUS`).
const CPUS_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_list(text: &str, last: Option<usize>, expected: &str) {
        let cpus = CpuSet::from_list(text, last);
        assert_eq!(cpus.map(|it| it.to_string()).as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn lists_are_read_as_the_kernel_writes_them_and_written_the_same() {
        check_list("0", None, "0");
        check_list("0-1,3,5-7\n", None, "0-1,3,5-7");
        check_list("1,0", None, "0-1");
        check_list("8191", None, "8191");
    }

    #[test]
    fn lists_of_the_kernel_command_line_have_strides_and_a_last_core() {
        check_list("0-15:2/4", None, "0-1,4-5,8-9,12-13");
        check_list("2-N", Some(15), "2-15");
        check_list("all", Some(3), "0-3");
    }

    #[test]
    fn what_is_no_list_is_refused_however_long() {
        for text in
            ["", "x", "3-1", "-", "0-", "0-99999999999", "8192", "0-3:1/0", "N", "all", "-1"]
        {
            assert_eq!(CpuSet::from_list(text, None), None, "{text}");
        }
    }

    #[test]
    fn masks_are_read_and_written_as_the_kernel_does() {
        for (mask, list) in [
            ("3", "0-1"),
            ("0", "none"),
            ("ffff", "0-15"),
            ("1,00000000", "32"),
            ("ff,ffffffff,00000003", "0-1,32-71"),
        ] {
            let cpus = CpuSet::from_mask(mask).unwrap();
            assert_eq!((cpus.to_string().as_str(), cpus.mask().as_str()), (list, mask));
        }
        for text in ["", "x", "1ffffffff", "1,,1"] {
            assert_eq!(CpuSet::from_mask(text), None, "{text}");
        }
        assert_eq!(CpuSet::from_mask(&"1,".repeat(300)), None);
    }
}
