//! Flags of commands that ask TickDB over REST.

use std::path::PathBuf;

use clap::Args;

use super::RootsName;

#[derive(Args, Clone, Debug)]
pub(crate) struct RestArgs {
    /// Another address of the REST interface [default: TICKDB_REST_URL, or TickDB's own].
    #[arg(long, env = "TICKRING_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) url: Option<String>,
    /// Where the certificates come from that its TLS is checked against.
    #[arg(long, env = "TICKRING_ROOTS", default_value = "system")]
    pub(crate) roots: RootsName,
    /// Keep what is fetched in this folder, and take it from there the next time.
    #[arg(long, env = "TICKRING_CACHE", value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
}
