//! The receiver's process, from outside: told what to do, watched, and ended with this.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::stage::Stage;
use crate::stores::Stores;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Receiver {
    process: Mutex<Child>,
    id: u32,
    pub(crate) port: u16,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    /// How often each line came.
    lines: HashMap<String, u64>,
    /// What it counts, as of its last report.
    counts: Vec<(String, u64)>,
}

impl Receiver {
    pub(crate) async fn start(stage: &Stage, stores: &Stores) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("a path"))
            .arg("serve")
            .arg(&stage.folder)
            .args([stores.redis.url(), stores.postgres.url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let told = Arc::<Mutex<Told>>::default();
        let output = process.stdout.take().expect("a pipe");
        let listener = told.clone();
        std::thread::spawn(move || listen(output, &listener));
        let mut receiver = Self {
            id: process.id(),
            process: Mutex::new(process),
            port: 0,
            told,
        };
        receiver
            .until("it listens", |told| told.lines.contains_key("listening"))
            .await;
        let port = receiver.told.lock().expect("sound").lines["listening"];
        receiver.port = u16::try_from(port).expect("a port");
        receiver
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Told) -> bool) {
        let began = Instant::now();
        while !is_so(&self.told.lock().expect("sound")) {
            assert!(
                began.elapsed() < PATIENCE,
                "the receiver: {what}: it does not happen"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn times(&self, line: &str) -> u64 {
        let told = self.told.lock().expect("sound");
        told.lines.get(line).copied().unwrap_or_default()
    }

    /// Waits until this does that to one of its files: `reloaded`, or `not-reloaded`.
    pub(crate) async fn sees(&self, what: &str, name: &str, change: impl FnOnce()) {
        let line = format!("{what} {name}");
        let before = self.times(&line);
        change();
        self.until(&line, |told| {
            told.lines.get(&line).is_some_and(|times| *times > before)
        })
        .await;
    }

    async fn tell(&self, line: &str) {
        let done = format!("done {line}");
        let before = self.times(&done);
        {
            let mut process = self.process.lock().expect("sound");
            let input = process.stdin.as_mut().expect("a pipe");
            writeln!(input, "{line}").expect("it runs");
        }
        self.until(&done, |told| {
            told.lines.get(&done).is_some_and(|times| *times > before)
        })
        .await;
    }

    pub(crate) async fn set_clock(&self, seconds: i64) {
        self.tell(&format!("clock {seconds}")).await;
    }

    /// What has happened, by code.
    pub(crate) async fn counts(&self) -> Vec<(String, u64)> {
        self.told.lock().expect("sound").counts.clear();
        self.tell("report").await;
        self.told.lock().expect("sound").counts.clone()
    }

    /// Resident memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }

    pub(crate) fn descriptors(&self) -> u64 {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.id));
        folder.map_or(0, |files| files.count() as u64)
    }

    /// So many descriptors, and no more; or as many as there were.
    pub(crate) fn limit_descriptors(&self, limit: Option<u64>) {
        let id = Pid::from_raw(i32::try_from(self.id).expect("a process"));
        let usual = rustix::process::getrlimit(Resource::Nofile);
        let limit = Rlimit {
            current: limit.or(usual.current),
            maximum: usual.maximum,
        };
        prlimit(id, Resource::Nofile, limit).expect("a process of ours");
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let process = self.process.get_mut().expect("sound");
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn listen(output: ChildStdout, told: &Mutex<Told>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let mut told = told.lock().expect("sound");
        let (name, number) = line.rsplit_once(' ').unwrap_or((&line, ""));
        match (line.split(' ').next(), number.parse()) {
            (Some("listening"), Ok(port)) => drop(told.lines.insert("listening".to_owned(), port)),
            (Some("count"), Ok(number)) => {
                let code = name.trim_start_matches("count ").to_owned();
                told.counts.push((code, number));
            }
            _ => *told.lines.entry(line).or_default() += 1,
        }
    }
}
