//! Things counted by reason, each with the start of the first frame it was seen in.

/// Bytes of a frame that are kept as an example.
const EXAMPLE_BYTES_MAX: usize = 300;

/// Bytes that are searched for secrets before the example is cut, so that no half of one is left at
/// its end.
const VETTED_BYTES_MAX: usize = 4_096;

/// Something that frames held, by reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remark {
    /// In a word or two: `unknown_channel`, `unknown_side`.
    pub reason: &'static str,
    /// How often.
    pub count: u64,
    /// The start of the first such frame, without control characters.
    pub example: String,
}

/// Remarks in the order in which they were first made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remarks {
    remarks: Vec<Remark>,
    /// The start of the frame whose example was not searched for secrets yet.
    unvetted: Option<Unvetted>,
}

#[derive(Clone, Debug)]
struct Unvetted {
    index: usize,
    text: Vec<u8>,
}

impl Remarks {
    /// Counts one. Where it is the first of its reason, [`Remarks::vet`] must follow.
    pub(crate) fn add(&mut self, reason: &'static str, text: &[u8]) {
        if let Some(known) = self.remarks.iter_mut().find(|it| it.reason == reason) {
            known.count += 1;
            return;
        }
        let text = text[..text.len().min(VETTED_BYTES_MAX)].to_vec();
        let index = self.remarks.len();
        // Two reasons of one frame share its text.
        self.unvetted.get_or_insert(Unvetted { index, text });
        self.remarks.push(Remark { reason, count: 1, example: String::new() });
    }

    /// Makes the examples of what was added since, without what `hide` hides.
    pub(crate) fn vet(&mut self, hide: impl FnOnce(&mut [u8])) {
        let Some(Unvetted { index, mut text }) = self.unvetted.take() else { return };
        hide(&mut text);
        text.truncate(EXAMPLE_BYTES_MAX);
        let lossy = String::from_utf8_lossy(&text);
        let example: String = lossy.chars().filter(|it| !it.is_control()).collect();
        for remark in &mut self.remarks[index..] {
            remark.example.clone_from(&example);
        }
    }

    pub(crate) fn as_slice(&self) -> &[Remark] {
        &self.remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frame_of_a_reason_is_its_example_without_secrets() {
        let mut remarks = Remarks::default();
        let hide = |text: &mut [u8]| text[..3].fill(b'*');
        remarks.add("odd", b"key and\n more");
        remarks.add("other", b"key and\n more");
        remarks.vet(hide);
        remarks.add("odd", b"key");
        remarks.vet(hide);
        let row = |reason, count| Remark { reason, count, example: "*** and more".to_owned() };
        assert_eq!(remarks.as_slice(), [row("odd", 2), row("other", 1)]);
    }

    #[test]
    fn an_example_is_cut_after_secrets_were_hidden() {
        let mut remarks = Remarks::default();
        let text = [vec![b'x'; EXAMPLE_BYTES_MAX - 2], b"secret".to_vec()].concat();
        remarks.add("odd", &text);
        remarks.vet(|text| {
            let at = text.len() - 6;
            assert_eq!(&text[at..], b"secret");
            text[at..].fill(b'*');
        });
        assert!(remarks.as_slice()[0].example.ends_with("xx**"));
    }
}
