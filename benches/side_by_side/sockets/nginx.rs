//! nginx, which asks for a client certificate.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use countersign::testing::TestCrl;

use super::Server;
use crate::handshake::Stage;
use crate::pki::Pki;

/// One process, which ends with this.
pub(super) struct Nginx {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Nginx {
    /// With these lists, where there are any.
    pub(super) fn start(stage: &Stage, pki: &Pki, crls: &[TestCrl]) -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].map(Path::new);
        let program = program.into_iter().find(|program| program.exists())?;
        let folder =
            std::env::temp_dir().join(format!("countersign-bench-{}-{}", std::process::id(), crls.len()));
        fs::create_dir_all(&folder).expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("an address");
        let lists: String = crls.iter().map(TestCrl::pem).collect();
        for (name, text) in [
            ("lists.pem", lists),
            ("own.pem", stage.own.chain_pem()),
            ("own.key", stage.own.key_pem()),
            ("roots.pem", pki.root_pem()),
            ("nginx.conf", configuration(port, crls.is_empty())),
        ] {
            fs::write(folder.join(name), text).expect("a file");
        }
        let process = Command::new(program)
            .args(["-e", "error.log", "-c", "nginx.conf", "-p"])
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx");
        let nginx = Self {
            process,
            address: port,
            folder,
        };
        let open = || {
            (0..100).any(|_| {
                thread::sleep(Duration::from_millis(50));
                TcpStream::connect(port).is_ok()
            })
        };
        assert!(open(), "nginx does not start");
        Some(nginx)
    }
}

fn configuration(address: SocketAddr, without_lists: bool) -> String {
    let lists = if without_lists { "" } else { "ssl_crl lists.pem;" };
    format!(
        "daemon off; master_process off; pid nginx.pid;
events {{}}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen {address} ssl;
    ssl_certificate own.pem; ssl_certificate_key own.key;
    ssl_client_certificate roots.pem; ssl_verify_client on; ssl_verify_depth 3; {lists}
    ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_session_cache off; ssl_session_tickets off;
    location / {{ return 204; }}
  }}
}}
"
    )
}

impl Server for Nginx {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn used(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("Linux");
        // Behind the name in brackets: utime and stime are the 14th and 15th field of proc(5).
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
