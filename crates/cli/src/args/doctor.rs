//! Flags of `tickring doctor`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::{TalkArgs, duration};
use crate::doctor::CpuSet;
use crate::plan::CoreRequest;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Cores that busy threads shall have: `2,3`, `2-5`, or as other commands take them. `auto` are
    /// the isolated cores, or every core that this process may use.
    #[arg(long, env = "TICKRING_CORES", default_value = "auto")]
    pub(crate) cores: JudgedCores,
    /// How long the jitter of each core is measured; `0s` for not at all [default: 2s shared among
    /// the cores].
    #[arg(long, env = "TICKRING_JITTER", value_name = "TIME", value_parser = duration)]
    pub(crate) jitter: Option<Duration>,
    /// Measure all cores at once, as in a run, instead of one after another.
    #[arg(long, env = "TICKRING_TOGETHER")]
    pub(crate) together: bool,
    /// Print a shell script of what would mend the host, instead of the findings. It is not run.
    #[arg(long, env = "TICKRING_FIX_SCRIPT")]
    pub(crate) fix_script: bool,
    /// Exit with 1 when something is bad.
    #[arg(long, env = "TICKRING_STRICT")]
    pub(crate) strict: bool,
    /// Read `/proc` and `/sys` below this folder, of another machine for example.
    #[arg(long, env = "TICKRING_ROOT", default_value = "/", hide = true)]
    pub(crate) root: PathBuf,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// Cores to judge; `None` for those that are found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct JudgedCores(pub(crate) Option<CpuSet>);

impl FromStr for JudgedCores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(cores) = CpuSet::from_list(text, None) {
            return Ok(Self(Some(cores)));
        }
        // `TICKRING_CORES` is one variable for every command: the cores of a plan are judged.
        match text.parse() {
            Ok(CoreRequest::Auto | CoreRequest::None) => Ok(Self(None)),
            Ok(CoreRequest::Named(roles)) => {
                Ok(Self(Some(roles.into_values().flatten().collect())))
            }
            Err(_) => Err("write cores as `2,3`, `2-5`, `auto`, or `ingest=2,strategy=3-4`".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let JudgedCores(cores) = text.parse().unwrap();
        let shown = cores.map_or_else(|| "found".to_owned(), |it| it.to_string());
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn cores_are_a_list_or_those_of_a_plan() {
        check("2,3", "2-3");
        check("2-5,8", "2-5,8");
        check("auto", "found");
        check("none", "found");
        check("ingest=2,strategy=4-5", "2,4-5");
        for wrong in ["", "x", "3-1", "ingest=", "0-99999999999"] {
            assert!(wrong.parse::<JudgedCores>().is_err(), "{wrong}");
        }
    }
}
