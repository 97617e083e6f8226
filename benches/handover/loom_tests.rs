//! Every order in which the threads' steps may come, within loom's bounds: its cells report a slot that
//! is read while it is written.
//!
//! `LOOM_MAX_PREEMPTIONS=2 RUSTFLAGS="--cfg loom" cargo test --release -p tickring-benches --lib`

use loom::thread;

use super::{bare, one_line};

/// More events than slots, so that slots are written again.
const EVENTS: u64 = 3;

macro_rules! model {
    ($name:ident, $make:path, $readers:expr) => {
        #[test]
        fn $name() {
            loom::model(|| {
                let (mut publisher, readers) = $make(2, $readers);
                let readers: Vec<_> = readers
                    .into_iter()
                    .map(|mut reader| {
                        thread::spawn(move || {
                            let mut next = 0;
                            while next < EVENTS {
                                let read = reader.poll(2, |sequence, event: &u64| {
                                    assert_eq!((sequence, *event), (next, next + 100));
                                    next += 1;
                                });
                                if read == 0 {
                                    thread::yield_now();
                                }
                            }
                        })
                    })
                    .collect();
                for event in 0..EVENTS {
                    while !publisher.try_publish(1, |_, slot| *slot = event + 100) {
                        thread::yield_now();
                    }
                }
                for reader in readers {
                    reader.join().unwrap();
                }
            });
        }
    };
}

model!(a_cursor_hands_every_event_to_one_reader, bare::bare, 1);
model!(a_cursor_hands_every_event_to_two_readers, bare::bare, 2);
model!(a_sequence_in_the_slot_hands_every_event_to_one_reader, one_line::one_line, 1);
model!(a_sequence_in_the_slot_hands_every_event_to_two_readers, one_line::one_line, 2);
