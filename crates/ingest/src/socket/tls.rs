//! Whom TLS trusts.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::live::Roots;

/// The configuration of every TLS connection of a source. Reads the system's certificates for
/// [`Roots::System`]: tens of milliseconds, once.
///
/// # Errors
/// There is nobody to trust, in words.
pub(crate) fn client_config(roots: &Roots) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(root_store(roots)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn root_store(roots: &Roots) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let loaded = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(loaded.certs);
            if store.is_empty() {
                store = bundled();
            }
        }
        Roots::Bundled => store = bundled(),
        Roots::Given(certificates) => {
            for certificate in certificates {
                store
                    .add(CertificateDer::from_slice(certificate).into_owned())
                    .map_err(|error| format!("a trusted certificate cannot be used: {error}"))?;
            }
        }
    }
    if store.is_empty() {
        return Err("no certificate is trusted: give at least one".to_owned());
    }
    Ok(store)
}

fn bundled() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_and_bundled_roots_always_trust_somebody() {
        assert!(root_store(&Roots::System).unwrap().len() > 10);
        assert!(root_store(&Roots::Bundled).unwrap().len() > 10);
    }

    #[test]
    fn nobody_to_trust_is_an_error() {
        assert!(client_config(&Roots::Given(Vec::new())).is_err());
        assert!(client_config(&Roots::Given(vec![b"no certificate".to_vec()])).is_err());
    }
}
