use crate::{CaptureError, LineReader, RecordedFrame};

/// Several sessions as one, in order of arrival time.
///
/// Frames of equal time come in the order of the sessions given; frames of one session always come
/// in its own order, even where its clock steps back (counted in [`steps_back`](Self::steps_back)).
/// The clocks of the sessions must be one clock for the order to mean anything.
#[derive(Debug)]
pub struct Merged {
    readers: Vec<LineReader>,
    /// One for each reader, at the same index.
    heads: Vec<Head>,
}

/// What is known of a session's next frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Head {
    /// It has not been read; the reader still holds the frame before it.
    Unread,
    /// The reader holds it.
    At { arrival_ns: u64 },
    /// There is none.
    End,
}

impl Merged {
    /// Merges `readers`, of which there may be none. Reads nothing yet.
    pub fn new(readers: Vec<LineReader>) -> Self {
        let heads = vec![Head::Unread; readers.len()];
        Self { readers, heads }
    }

    /// The next frame and the index of the session it came from, or `None` when all have ended.
    ///
    /// Costs a line read and one comparison for each session. Reads one line ahead in each, so a
    /// session that waits (a pipe) holds up the others.
    ///
    /// # Errors
    /// As [`LineReader::next_frame`]. The session that failed ends; a further call goes on with
    /// the others.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its item")]
    pub fn next(&mut self) -> Result<Option<(usize, RecordedFrame<'_>)>, CaptureError> {
        let mut first: Option<(usize, u64)> = None;
        for (index, (reader, head)) in self.readers.iter_mut().zip(&mut self.heads).enumerate() {
            if *head == Head::Unread {
                // The end comes first, so that it stands when reading fails.
                *head = Head::End;
                if reader.advance()? {
                    *head = Head::At { arrival_ns: reader.frame().arrival_ns };
                }
            }
            let Head::At { arrival_ns } = *head else { continue };
            // Strictly earlier: at equal times the session given first stays.
            if first.is_none_or(|(_, earliest_ns)| arrival_ns < earliest_ns) {
                first = Some((index, arrival_ns));
            }
        }
        let Some((index, _)) = first else { return Ok(None) };
        self.heads[index] = Head::Unread;
        Ok(Some((index, self.readers[index].frame())))
    }

    /// The sessions, in the order given.
    pub fn readers(&self) -> &[LineReader] {
        &self.readers
    }

    /// How often, in all sessions and in what was read so far, a frame carried an earlier time
    /// than the frame before it in its session.
    pub fn steps_back(&self) -> u64 {
        self.readers.iter().map(LineReader::steps_back).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reader(name: &str, times: &[u64]) -> LineReader {
        let lines: String = times.iter().map(|time| format!("{time} {name}\n")).collect();
        LineReader::from_reader(name.to_owned(), Box::new(std::io::Cursor::new(lines))).unwrap()
    }

    fn merge(sessions: &[&[u64]]) -> (Vec<(u64, usize, u64)>, u64) {
        let readers = sessions.iter().map(|times| reader("s", times)).collect();
        let mut merged = Merged::new(readers);
        let mut frames = Vec::new();
        while let Some((index, frame)) = merged.next().unwrap() {
            frames.push((frame.arrival_ns, index, frame.line));
        }
        (frames, merged.steps_back())
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
        let broken = std::io::Cursor::new("1 a\nnonsense\n");
        let broken = LineReader::from_reader("broken".to_owned(), Box::new(broken)).unwrap();
        let mut merged = Merged::new(vec![broken, reader("whole", &[2, 3])]);
        assert_eq!(merged.next().unwrap().unwrap().0, 0);
        let error = merged.next().unwrap_err();
        assert!(matches!(&error, CaptureError::Time { name, line: 2 } if name == "broken"));
        assert_eq!(merged.next().unwrap().unwrap().1.arrival_ns, 2);
        assert_eq!(merged.next().unwrap().unwrap().1.arrival_ns, 3);
        assert_eq!(merged.next().unwrap(), None);
    }

    proptest! {
        #[test]
        fn merging_sorted_sessions_is_a_stable_sort(
            mut sessions in prop::collection::vec(prop::collection::vec(0_u64..20, 0..12), 0..5)
        ) {
            for times in &mut sessions {
                times.sort_unstable();
            }
            let mut expected: Vec<(u64, usize, u64)> = Vec::new();
            for (index, times) in sessions.iter().enumerate() {
                expected.extend(times.iter().zip(1..).map(|(&time, line)| (time, index, line)));
            }
            expected.sort_by_key(|&(time, ..)| time);
            let slices: Vec<&[u64]> = sessions.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(merge(&slices), (expected, 0));
        }
    }
}
