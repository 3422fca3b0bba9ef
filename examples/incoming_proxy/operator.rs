//! What the operator of the demo reads.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

/// The lines of the log, until they are read.
#[derive(Default, Clone)]
pub(crate) struct Operator(Arc<Mutex<Vec<u8>>>);

impl Operator {
    pub(crate) fn writer(&self) -> Mutex<impl io::Write + Send + use<>> {
        Mutex::new(self.clone())
    }

    /// The last code since this was asked before, or `-`. One that is expected is waited for: of a handshake that fails, the
    /// client may know first.
    pub(crate) async fn read(&self, expected: &str) -> String {
        let mut read = String::new();
        for _ in 0..500 {
            let lines = self
                .0
                .lock()
                .map(|mut lines| std::mem::take(&mut *lines))
                .unwrap_or_default();
            read += &String::from_utf8_lossy(&lines);
            if expected == "-" || read.contains(&format!("code=\"{expected}\"")) {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        let (_, code) = read.rsplit_once("code=\"").unwrap_or(("", "-\""));
        code.split('"').next().unwrap_or_default().to_owned()
    }
}

impl io::Write for Operator {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if let Ok(mut lines) = self.0.lock() {
            lines.extend_from_slice(text);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
