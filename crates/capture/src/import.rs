//! Recordings of other tools as sessions, one file here for each format.
//!
//! What a text is is told by how it begins, never by its name. `docs/IMPORT_FORMATS.md` says what
//! becomes what, and where each format is defined.

mod cryptofeed;
#[cfg(feature = "dbn")]
mod databento;
pub(crate) mod lines;
mod lobster;
mod rows;
mod tardis_csv;
mod tardis_raw;
mod time;

pub use time::iso_ns;

use std::collections::BTreeMap;
use std::path::Path;

use crate::bars::{self, BARS};
use crate::input::Input;
use crate::{CaptureError, Session};

/// A recording of another tool that can be read.
pub(crate) struct Import {
    pub(crate) session: Box<dyn Session>,
    /// What the format itself tells, such as the venue.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Which tool wrote a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    TardisRaw,
    TardisCsv,
    Cryptofeed,
    Lobster,
    /// The file beside the one that LOBSTER's sessions are opened by.
    LobsterBooks,
    Dbn,
    Bars,
}

impl Format {
    /// The format of a text that starts with `first`; `None` for lines of our own format, and for
    /// what is none at all.
    pub(crate) fn of(first: &[u8]) -> Option<Self> {
        let formats = [
            (Self::Bars, bars::is_format(first)),
            (Self::TardisRaw, tardis_raw::is_format(first)),
            (Self::TardisCsv, tardis_csv::is_format(first)),
            (Self::Cryptofeed, cryptofeed::is_format(first)),
            (Self::Lobster, lobster::is_messages(first)),
            (Self::LobsterBooks, lobster::is_books(first)),
            (Self::Dbn, first.starts_with(b"DBN")),
        ];
        formats.into_iter().find_map(|(format, is_it)| is_it.then_some(format))
    }

    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TardisRaw => "tardis-raw",
            Self::TardisCsv => "tardis-csv",
            Self::Cryptofeed => "cryptofeed",
            Self::Lobster | Self::LobsterBooks => "lobster",
            Self::Dbn => "dbn",
            Self::Bars => BARS,
        }
    }

    /// The venue that reads its frames, where that is the format's own.
    const fn venue(self) -> Option<&'static str> {
        match self {
            Self::TardisRaw | Self::Cryptofeed => None,
            Self::TardisCsv => Some("tardis-csv"),
            Self::Lobster | Self::LobsterBooks => Some("lobster"),
            Self::Dbn => Some("databento"),
            Self::Bars => Some(BARS),
        }
    }

    /// Reads `input`, which `name` stands for in errors and which lies at `path`, where it is a file.
    /// Nothing of it is read before the first entry is asked for.
    ///
    /// # Errors
    /// What is needed beside the text is missing, or this program was built without the format.
    pub(crate) fn open(
        self,
        name: String,
        path: Option<&Path>,
        input: Input,
    ) -> Result<Import, CaptureError> {
        let session: Box<dyn Session> = match self {
            Self::TardisRaw => Box::new(tardis_raw::TardisRaw::new(name, input)),
            Self::TardisCsv => Box::new(tardis_csv::TardisCsv::new(name, input)),
            Self::Cryptofeed => Box::new(cryptofeed::Cryptofeed::new(name, input)),
            Self::Lobster => {
                let path = path.unwrap_or_else(|| Path::new(""));
                Box::new(lobster::Lobster::open(name, path, input)?)
            }
            Self::LobsterBooks => {
                let what = "is an order book of LOBSTER: give the `_message_` file beside it";
                return Err(CaptureError::Line { name, line: 1, what });
            }
            Self::Dbn => open_dbn(name, input)?,
            Self::Bars => Box::new(bars::BarsCsv::new(name, input)),
        };
        let venue = self.venue().map(|venue| ("venue".to_owned(), venue.to_owned()));
        Ok(Import { session, metadata: venue.into_iter().collect() })
    }
}

#[cfg(feature = "dbn")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn open_dbn(name: String, input: Input) -> Result<Box<dyn Session>, CaptureError> {
    Ok(Box::new(databento::Dbn::new(name, input)))
}

#[cfg(not(feature = "dbn"))]
fn open_dbn(name: String, _input: Input) -> Result<Box<dyn Session>, CaptureError> {
    let what = "is Databento's DBN, and this program was built without its feature `dbn`";
    Err(CaptureError::Line { name, line: 1, what })
}
