use crate::{CAPTURE_CONNECTIONS_MAX, CaptureError, Ending, Entry, Session};

/// Several sessions as one, in order of time.
///
/// Connections are numbered through: those of the first session from 0, then those of the next.
/// Entries of equal time come in the order of the sessions given; entries of one session always come
/// in its own order, even where its clock steps back (counted in [`steps_back`](Self::steps_back)).
/// The clocks of the sessions must be one clock for the order to mean anything.
pub struct Merged {
    sessions: Vec<Box<dyn Session>>,
    /// One for each session, at the same index.
    heads: Vec<Head>,
    /// The session whose entry was read last.
    current: Option<usize>,
    /// Whose turn it is after that session's.
    after_it: Turn,
    /// By session: which others it may continue; see [`Merged::chained`].
    chains: Vec<Option<usize>>,
    /// The entry read last is the first of a session that continues another.
    is_continuation: bool,
    steps_back: u64,
}

/// The time of a session's next entry, and its index: the least one's turn comes first.
type Turn = (u64, usize);

/// No session's.
const NOBODYS: Turn = (u64::MAX, usize::MAX);

/// What is known of a session's next entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Head {
    /// The session's connection 0.
    first_connection: u8,
    /// Time of the entry before.
    before_ns: u64,
    next: Next,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Progress {
    /// No entry was handed out.
    Untouched,
    Begun,
    /// It has ended, and another session has taken its place.
    Continued,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    /// It has not been read; the session still holds the entry before it.
    Unread,
    /// The session holds it.
    At { time_ns: u64 },
    /// There is none.
    End,
}

impl Merged {
    /// Merges `sessions`, of which there may be none. Reads nothing yet.
    ///
    /// # Errors
    /// They have more than [`CAPTURE_CONNECTIONS_MAX`] connections together.
    pub fn new(sessions: Vec<Box<dyn Session>>) -> Result<Self, CaptureError> {
        let mut heads = Vec::with_capacity(sessions.len());
        let mut first = 0;
        for session in &sessions {
            let first_connection =
                u8::try_from(first).map_err(|_| CaptureError::TooManyConnections)?;
            heads.push(Head {
                first_connection,
                before_ns: 0,
                next: Next::Unread,
                progress: Progress::Untouched,
            });
            first += session.connections();
        }
        if first > CAPTURE_CONNECTIONS_MAX {
            return Err(CaptureError::TooManyConnections);
        }
        let chains = vec![None; sessions.len()];
        Ok(Self {
            sessions,
            heads,
            current: None,
            after_it: NOBODYS,
            chains,
            is_continuation: false,
            steps_back: 0,
        })
    }

    /// Lets sessions continue each other: parts of one recording. By session, `chains` names the
    /// recording it may be a part of. A session of one connection that begins when an earlier part
    /// has ended gets that part's connection for its own. Where several have ended, it is the one whose
    /// file is called alike but for digits; without one, or while all are running, the session stands
    /// for itself.
    #[must_use]
    pub fn chained(mut self, chains: &[Option<usize>]) -> Self {
        for (own, chain) in self.chains.iter_mut().zip(chains) {
            *own = *chain;
        }
        self
    }

    /// The next entry, or `None` when all sessions have ended.
    ///
    /// # Errors
    /// As [`Merged::advance`].
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its item")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, CaptureError> {
        Ok(if self.advance()? { Some(self.entry()) } else { None })
    }

    /// Reads the next entry; false when all sessions have ended.
    ///
    /// Costs one entry read; and where another session's turn comes, one comparison for each. Reads one
    /// entry ahead in each, so a session that waits (a pipe) holds up the others.
    ///
    /// # Errors
    /// As [`Session::advance`]. The session that failed ends; a further call goes on with the others.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, CaptureError> {
        if let Some(index) = self.current.take()
            && let Some(time_ns) = self.read(index)?
            && (time_ns, index) < self.after_it
        {
            self.current = Some(index);
            self.is_continuation = false;
            return Ok(true);
        }
        self.choose()
    }

    /// Finds out whose turn it is; false when all sessions have ended.
    #[inline(never)]
    fn choose(&mut self) -> Result<bool, CaptureError> {
        let (mut first, mut second) = (NOBODYS, NOBODYS);
        for index in 0..self.sessions.len() {
            let time_ns = match self.heads[index].next {
                Next::At { time_ns } => time_ns,
                Next::End => continue,
                Next::Unread => match self.read(index)? {
                    Some(time_ns) => time_ns,
                    None => continue,
                },
            };
            let own = (time_ns, index);
            second = second.min(first.max(own));
            first = first.min(own);
        }
        self.current = (first != NOBODYS).then_some(first.1);
        self.after_it = second;
        self.is_continuation = self.current.is_some_and(|index| self.begin(index));
        Ok(self.current.is_some())
    }

    /// Reads a session's next entry: its time, or `None` at the end.
    #[inline]
    fn read(&mut self, index: usize) -> Result<Option<u64>, CaptureError> {
        let (session, head) = (&mut self.sessions[index], &mut self.heads[index]);
        // The end comes first, so that it stands when reading fails.
        head.next = Next::End;
        if !session.advance()? {
            return Ok(None);
        }
        let time_ns = session.entry().time_ns();
        self.steps_back += u64::from(time_ns < head.before_ns);
        head.before_ns = time_ns;
        head.next = Next::At { time_ns };
        Ok(Some(time_ns))
    }

    /// Marks a session as begun; true when it continues another, whose connection it takes.
    fn begin(&mut self, index: usize) -> bool {
        if self.heads[index].progress != Progress::Untouched {
            return false;
        }
        self.heads[index].progress = Progress::Begun;
        let Some(chain) = self.chains[index] else { return false };
        let of_chain = (0..self.heads.len()).filter(|&it| self.chains[it] == Some(chain));
        let is_over = |it: &usize| {
            let head = self.heads[*it];
            head.next == Next::End && head.progress == Progress::Begun
        };
        let over: Vec<usize> = of_chain.filter(is_over).collect();
        let Some(before) = self.part_before(index, &over) else { return false };
        self.heads[before].progress = Progress::Continued;
        self.heads[index].first_connection = self.heads[before].first_connection;
        true
    }

    /// Which of the parts that are over a session continues: the only one, or else the only one whose
    /// file has the same name but for digits.
    fn part_before(&self, index: usize, over: &[usize]) -> Option<usize> {
        if let [only] = over {
            return Some(*only);
        }
        let own = name_without_digits(self.sessions[index].name());
        let is_same = |it: &&usize| name_without_digits(self.sessions[**it].name()) == own;
        let mut same = over.iter().filter(is_same);
        let first = same.next().copied();
        if same.next().is_none() { first } else { None }
    }

    /// Whether the entry that [`Merged::advance`] has read is the first of a session that continues
    /// another on its connection.
    #[must_use]
    pub const fn is_continuation(&self) -> bool {
        self.is_continuation
    }

    /// The entry that [`Merged::advance`] has read.
    ///
    /// # Panics
    /// When it has read none.
    #[must_use]
    #[inline]
    pub fn entry(&self) -> Entry<'_> {
        let index = self.current.expect("`advance` has read an entry");
        self.sessions[index].entry().renumbered(self.heads[index].first_connection)
    }

    /// Index of the session that the entry is of.
    ///
    /// # Panics
    /// As [`Merged::entry`].
    #[must_use]
    pub fn session(&self) -> usize {
        self.current.expect("`advance` has read an entry")
    }

    /// The connections of all sessions together.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.sessions.iter().map(|session| session.connections()).sum()
    }

    /// Connections of sessions that do not say themselves when these open.
    pub fn untold_connections(&self) -> impl Iterator<Item = u8> {
        let untold =
            self.sessions.iter().zip(&self.heads).filter(|(it, _)| !it.tells_connections());
        untold.flat_map(|(session, head)| {
            (0..session.connections()).zip(head.first_connection..=u8::MAX).map(|(_, it)| it)
        })
    }

    /// How often, in all sessions and in what was read so far, an entry carried an earlier time than
    /// the entry before it in its session.
    #[must_use]
    pub const fn steps_back(&self) -> u64 {
        self.steps_back
    }

    /// Name and end of each session that has ended and knows how.
    pub fn endings(&self) -> impl Iterator<Item = (&str, Ending)> {
        self.sessions.iter().filter_map(|it| Some((it.name(), it.ending()?)))
    }
}

/// The name of a session's file without its digits: what parts of one recording share.
fn name_without_digits(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.chars().filter(|it| !it.is_ascii_digit()).collect()
}

impl std::fmt::Debug for Merged {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.sessions.iter().map(|it| it.name()).collect();
        out.debug_struct("Merged").field("sessions", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::LineReader;

    fn session(name: &str, text: String) -> Box<dyn Session> {
        let text = Box::new(std::io::Cursor::new(text));
        Box::new(LineReader::from_reader(name.to_owned(), text).unwrap())
    }

    /// A session whose messages are their own line numbers.
    fn lines(times: &[u64]) -> Box<dyn Session> {
        let text = times.iter().zip(1..).map(|(time, line)| format!("{time} {line}\n")).collect();
        session("s", text)
    }

    fn read(entry: Entry<'_>) -> (u64, u8, u64) {
        let Entry::Received { connection, arrival_ns, text } = entry else { panic!("{entry:?}") };
        (arrival_ns, connection, std::str::from_utf8(text).unwrap().parse().unwrap())
    }

    fn merge(sessions: &[&[u64]]) -> (Vec<(u64, u8, u64)>, u64) {
        let mut merged = Merged::new(sessions.iter().map(|times| lines(times)).collect()).unwrap();
        let mut frames = Vec::new();
        while let Some(entry) = merged.next().unwrap() {
            frames.push(read(entry));
        }
        (frames, merged.steps_back())
    }

    #[test]
    fn a_session_continues_one_of_its_recording_that_has_ended() {
        let sessions = || vec![lines(&[1, 2, 9]), lines(&[3, 12]), lines(&[10, 11]), lines(&[20])];
        let played = |merged: Merged| {
            let mut merged = merged;
            let mut found = Vec::new();
            while merged.advance().unwrap() {
                let Entry::Received { connection, arrival_ns, .. } = merged.entry() else {
                    panic!("lines are received")
                };
                found.push((arrival_ns, connection, merged.is_continuation()));
            }
            found
        };
        let alone = played(Merged::new(sessions()).unwrap());
        assert!(alone.iter().all(|it| !it.2));
        assert_eq!(alone.iter().map(|it| it.1).collect::<Vec<_>>(), [0, 0, 1, 0, 2, 2, 1, 3]);
        let one = Merged::new(sessions()).unwrap().chained(&[Some(7); 4]);
        assert_eq!(
            played(one),
            [
                (1, 0, false),
                (2, 0, false),
                (3, 1, false),
                (9, 0, false),
                (10, 0, true),
                (11, 0, false),
                (12, 1, false),
                // Two have ended, and nothing tells which of them it continues.
                (20, 3, false),
            ]
        );
        let named = |name: &str, times: &[u64]| {
            let text = times.iter().map(|time| format!("{time} x\n")).collect();
            session(name, text)
        };
        let parts = || {
            vec![
                named("btc-1", &[1, 2]),
                named("eth-1", &[1, 3]),
                named("btc-2", &[10]),
                named("eth-2", &[11]),
                named("sol-1", &[12]),
            ]
        };
        let by_name = Merged::new(parts()).unwrap().chained(&[Some(7); 5]);
        let connections: Vec<_> = played(by_name).iter().map(|it| (it.0, it.1)).collect();
        assert_eq!(connections[4..], [(10, 0), (11, 1), (12, 4)]);
        let two = Merged::new(sessions()).unwrap().chained(&[Some(7), None, Some(8), Some(7)]);
        let connections: Vec<_> = played(two).iter().map(|it| it.1).collect();
        assert_eq!(connections, [0, 0, 1, 0, 2, 2, 1, 0]);
    }

    #[test]
    fn nothing_merged_is_nothing() {
        assert_eq!(merge(&[]), (vec![], 0));
        assert_eq!(merge(&[&[], &[]]), (vec![], 0));
    }

    #[test]
    fn equal_times_keep_the_order_of_the_sessions() {
        let (frames, steps_back) = merge(&[&[5, 5, 9], &[1, 5]]);
        assert_eq!(frames, [(1, 1, 1), (5, 0, 1), (5, 0, 2), (5, 1, 2), (9, 0, 3)]);
        assert_eq!(steps_back, 0);
    }

    #[test]
    fn a_step_back_is_counted_and_does_not_reorder_its_session() {
        let (frames, steps_back) = merge(&[&[10, 4, 5, 11], &[6, 10]]);
        let expected = [(6, 1, 1), (10, 0, 1), (4, 0, 2), (5, 0, 3), (10, 1, 2), (11, 0, 4)];
        assert_eq!(frames, expected);
        assert_eq!(steps_back, 1);
    }

    #[test]
    fn a_session_that_fails_is_named_and_the_others_go_on() {
        let broken = session("broken", "1 1\nnonsense\n".to_owned());
        let mut merged = Merged::new(vec![broken, lines(&[2, 3])]).unwrap();
        assert_eq!(read(merged.next().unwrap().unwrap()), (1, 0, 1));
        let error = merged.next().unwrap_err();
        assert!(matches!(&error, CaptureError::Time { name, line: 2 } if name == "broken"));
        assert_eq!(read(merged.next().unwrap().unwrap()), (2, 1, 1));
        assert_eq!(read(merged.next().unwrap().unwrap()), (3, 1, 2));
        assert_eq!(merged.next().unwrap(), None);
    }

    #[test]
    fn more_connections_than_can_be_numbered_are_refused() {
        let sessions = |count| (0..count).map(|_| lines(&[])).collect();
        assert_eq!(Merged::new(sessions(256)).unwrap().connections(), 256);
        assert!(matches!(Merged::new(sessions(257)), Err(CaptureError::TooManyConnections)));
    }

    proptest! {
        #[test]
        fn each_entry_is_the_earliest_of_those_that_are_next(
            sessions in prop::collection::vec(prop::collection::vec(0_u64..8, 0..12), 0..5)
        ) {
            let mut left: Vec<_> = sessions.iter().map(|it| it.iter().zip(1..).peekable()).collect();
            let mut expected = Vec::new();
            // The first of equals.
            while let Some((index, _)) = (0..left.len())
                .filter_map(|index| Some((index, *left[index].peek()?.0)))
                .min_by_key(|&(_, time)| time)
            {
                let (time, line) = left[index].next().unwrap();
                expected.push((*time, u8::try_from(index).unwrap(), line));
            }
            let slices: Vec<&[u64]> = sessions.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(merge(&slices).0, expected);
        }

        #[test]
        fn merging_sorted_sessions_is_a_stable_sort(
            mut sessions in prop::collection::vec(prop::collection::vec(0_u64..20, 0..12), 0..5)
        ) {
            for times in &mut sessions {
                times.sort_unstable();
            }
            let mut expected: Vec<(u64, u8, u64)> = Vec::new();
            for (times, index) in sessions.iter().zip(0..) {
                expected.extend(times.iter().zip(1..).map(|(&time, line)| (time, index, line)));
            }
            expected.sort_by_key(|&(time, ..)| time);
            let slices: Vec<&[u64]> = sessions.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(merge(&slices), (expected, 0));
        }
    }
}
