//! Connections that send a byte now and then, and never finish.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::attack::connect;

/// Half of them never end their headers, the others their body.
const HEAD: &str = "POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n";
/// How long they wait between two bytes.
const PAUSE: Duration = Duration::from_millis(100);

/// Slow senders at work.
pub(super) struct Trickle {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Trickle {
    /// So many connections, until [`Trickle::stop`].
    pub(super) fn start(url: &str, connections: usize) -> Self {
        let mut streams: Vec<TcpStream> = (0..connections).map(|number| open(url, number)).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                for stream in &mut streams {
                    // The program closes them when it has waited long enough.
                    let _ = stream.write_all(b"x");
                }
                std::thread::sleep(PAUSE);
            }
        });
        Self { stop, thread }
    }

    /// Closes the connections.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

fn open(url: &str, number: usize) -> TcpStream {
    let mut stream = connect(url);
    let rest = if number.is_multiple_of(2) { "x-" } else { "content-length: 9000\r\n\r\n[" };
    stream.write_all(format!("{HEAD}{rest}").as_bytes()).unwrap();
    stream
}
