//! What the tests below ask of a store, and of the server behind its back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::replay::RedisStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::redis_server::RedisServer;
use crate::told::Mortal;

pub(crate) const QUICK: Duration = Duration::from_millis(150);

pub(crate) fn store(server: &RedisServer) -> RedisStore {
    RedisStore::open(server.url()).expect("a URL")
}

impl Mortal for RedisServer {
    fn kill(&mut self) {
        Self::kill(self);
    }

    fn restart(&mut self) {
        Self::restart(self);
    }
}

/// A command for the server, of the operator's.
pub(crate) fn tell<T: redis::FromRedisValue>(server: &RedisServer, command: &[&str]) -> T {
    let client = redis::Client::open(server.url()).expect("a URL");
    let mut connection = client.get_connection().expect("the server");
    let (name, arguments) = command.split_first().expect("a command");
    let answer = redis::cmd(name).arg(arguments).query(&mut connection);
    answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A number that INFO tells, from behind `name:` or `name=`.
pub(crate) fn info(server: &RedisServer, section: &str, name: &str) -> u64 {
    let report: String = tell(server, &["INFO", section]);
    let after = report.split(name).nth(1).unwrap_or_default();
    let digits: String = after.chars().skip(1).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{name} in {report}"))
}

/// A way to a server on which the answers to scripts can get lost.
pub(crate) struct LossyWay {
    pub(crate) url: String,
    losses: Losses,
}

type Losses = Arc<Mutex<VecDeque<Loss>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// With the connection.
    Cut,
    /// As will be all that comes after it; the connection stays.
    Silence,
}

impl LossyWay {
    pub(crate) async fn to(server: &RedisServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let url = format!("redis://{}", listener.local_addr().expect("bound"));
        let (losses, to) = (Losses::default(), server.address());
        let shared = losses.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (read, write) = client.into_split();
                let Ok(server) = TcpStream::connect(to).await else {
                    continue;
                };
                let (answers, questions) = server.into_split();
                tokio::spawn(carry(read, questions, Losses::default()));
                tokio::spawn(carry(answers, write, shared.clone()));
            }
        });
        Self { url, losses }
    }

    /// The next answers to scripts are lost so, one after the other.
    pub(crate) fn lose(&self, losses: &[Loss]) {
        self.losses.lock().expect("no panic").extend(losses);
    }

    pub(crate) fn has_lost_them(&self) -> bool {
        self.losses.lock().expect("no panic").is_empty()
    }
}

/// Answers to scripts are arrays of strings; those to the greeting of a connection are not.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, losses: Losses) {
    let mut buffer = vec![0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let piece = &buffer[..length];
        let loss = match piece.starts_with(b"*1\r\n$") {
            true => losses.lock().expect("no panic").pop_front(),
            false => None,
        };
        match loss {
            Some(Loss::Cut) => return,
            Some(Loss::Silence) => std::future::pending().await,
            None if to.write_all(piece).await.is_err() => return,
            None => {}
        }
    }
}
