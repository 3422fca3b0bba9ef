//! A port of which the system can accept nothing just now.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::door::Door;
use crate::sender::{Greeting, Version};
use crate::support::secs;

const TEST: &str = "accepting::that_no_descriptor_is_left_is_told_and_the_port_serves_on";
/// Set in the process that has few file descriptors.
const INSIDE: &str = "COUNTERSIGN_TEST_FEW_DESCRIPTORS";
/// `EMFILE`.
const NONE_LEFT: &str = "not accepting: Some(24)";

/// In a process of its own, which may open so few files that it runs out of them.
#[test]
fn that_no_descriptor_is_left_is_told_and_the_port_serves_on() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.expect("a runtime").block_on(run_out());
    }
    let own = std::env::current_exe().expect("a path");
    let inside = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$@\"", "sh"])
        .arg(own)
        .args(["--exact", TEST, "--nocapture"])
        .env(INSIDE, "yes")
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&inside.stdout);
    assert!(
        inside.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&inside.stderr)
    );
}

async fn run_out() {
    let door = Door::open().await;
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    taken.pop();
    // Takes the last one.
    let waiting = TcpStream::connect(door.address)
        .await
        .expect("in the system's queue");
    door.log.wait_for(NONE_LEFT).await;
    tokio::time::sleep(secs(2)).await;
    let told = door.log.take();
    assert!(told.iter().all(|line| line == NONE_LEFT), "{told:?}");
    // 10 + 20 + 40 + ... milliseconds: it is asked again, and not in a busy loop.
    assert!(
        (2..=9).contains(&told.len()),
        "told {} times in two seconds",
        told.len()
    );

    drop((waiting, taken));
    let greeting = Greeting::new(Some(&crate::door::world().acme), Version::Http1);
    let served = tokio::time::timeout(secs(10), greeting.tls(door.address)).await;
    served.expect("soon").expect("a connection");
    tokio::time::timeout(secs(10), door.log.wait_for("connected"))
        .await
        .expect("told");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(
        !door.log.take().iter().any(|line| line == NONE_LEFT),
        "it is over"
    );
}
