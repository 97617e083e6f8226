/// How a capture ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// With its footer; every check passed.
    Clean,
    /// The file just stops: whoever wrote it was killed, lost power, or ran out of disk. What was
    /// read is an exact prefix of what was recorded.
    Cut {
        /// Where the last whole record ends.
        offset: u64,
        /// Bytes behind it, which are part of a record or zeros. 0 where the file cannot be sought.
        bytes: u64,
    },
}
