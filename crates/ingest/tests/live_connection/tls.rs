//! The same over TLS.

use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tickring_event::ConnectionState;
use tickring_ingest::{LiveConfig, Roots};
use tungstenite::Message;

use crate::support::{Driver, accept_tcp, eager, serve};

const CERTIFICATE: &[u8] = include_bytes!("../data/tls/localhost.cert.der");
const PRIVATE_KEY: &[u8] = include_bytes!("../data/tls/localhost.key.der");

fn server_config() -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(PRIVATE_KEY));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
        .unwrap();
    Arc::new(config)
}

fn listen(host: &str) -> (TcpListener, LiveConfig) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = eager(format!("wss://{host}:{port}/"));
    config.roots = Roots::Given(vec![CERTIFICATE.to_vec()]);
    (listener, config)
}

fn accept_tls(listener: &TcpListener) -> StreamOwned<ServerConnection, std::net::TcpStream> {
    let connection = ServerConnection::new(server_config()).unwrap();
    StreamOwned::new(connection, accept_tcp(listener))
}

#[track_caller]
fn check_burst(host: &str) {
    const MESSAGES: usize = 2_000;
    let (listener, config) = listen(host);
    let server = serve(move || {
        let mut socket = tungstenite::accept(accept_tls(&listener)).unwrap();
        for index in 0..MESSAGES {
            socket.write(Message::text(format!("{index}:{}", "x".repeat(index)))).unwrap();
        }
        socket.flush().unwrap();
        socket.send(Message::Ping(Vec::new().into())).unwrap();
        assert!(socket.read().unwrap().is_pong());
        // The close frame ends a dropped source's connection here as well.
        assert!(socket.read().unwrap().is_close());
    });
    let mut driver = Driver::new(config);
    for index in 0..MESSAGES {
        let frame = driver.frame();
        assert!(frame == format!("{index}:{}", "x".repeat(index)).as_bytes(), "message {index}");
    }
    for _ in 0..3 {
        driver.turn().unwrap();
    }
    drop(driver);
    server.join().unwrap();
}

#[test]
fn a_burst_over_tls_arrives_whole_and_in_order() {
    check_burst("localhost");
    check_burst("127.0.0.1");
}

#[test]
fn a_certificate_that_nobody_trusts_is_refused() {
    let (listener, mut config) = listen("localhost");
    config.roots = Roots::Bundled;
    let server = serve(move || tungstenite::accept(accept_tls(&listener)).is_err());
    let reason = Driver::new(config).reason();
    assert!(reason.contains("certificate"), "{reason}");
    assert!(server.join().unwrap());
}

#[test]
fn a_tls_handshake_that_never_ends_is_given_up() {
    let (listener, mut config) = listen("localhost");
    config.handshake_ms_max = 60;
    let server = serve(move || accept_tcp(&listener));
    let mut driver = Driver::new(config);
    driver.until(ConnectionState::Disconnected);
    assert!(driver.said.iter().any(|it| it.to_string().contains("took too long")));
    drop(server.join().unwrap());
}
