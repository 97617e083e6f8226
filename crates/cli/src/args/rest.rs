//! Flags of every command that asks TickDB's REST interface.

use std::path::PathBuf;

use clap::Args;

use super::RootsName;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "REST")]
pub(crate) struct RestArgs {
    /// Another address of TickDB's REST interface, such as a simulator's [default: TICKDB_REST_URL,
    /// or https://api.tickdb.ai].
    #[arg(long, env = "TICKRING_REST_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) url: Option<String>,
    /// Keep pages of completed bars in this folder, and ask for none that is there.
    #[arg(long, env = "TICKRING_CACHE", value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Most rows to ask for at once.
    #[arg(
        long,
        env = "TICKRING_PAGE_ROWS",
        default_value_t = 1_000,
        value_name = "ROWS",
        value_parser = clap::value_parser!(u32).range(3..=1_000)
    )]
    pub(crate) page_rows: u32,
    /// Where the certificates come from that its TLS is checked against.
    #[arg(long, env = "TICKRING_ROOTS", default_value = "system")]
    pub(crate) roots: RootsName,
}
