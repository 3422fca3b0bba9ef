//! A receiver that admits nobody: it prints what to put into the files and options, to let the clients in that have tried.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::observe::Log;
use countersign::tenant::TenantId;
use countersign::tls::{Enrolment, Tls};
use countersign::trust::Applicant;
use countersign::web::{Acceptor, Listener};
use tokio::net::TcpListener;

use crate::files;
use crate::options::Enrol;
use crate::say::say;
use crate::{Mistake, log, tls};

pub(crate) async fn serve(options: Enrol, tcp: TcpListener) -> Result<(), Mistake> {
    log::start();
    let tls: Tls = tls(options.tls12);
    let tenant = options.tenant;
    let reported = AtomicUsize::new(0);
    let enrolment = Enrolment::new(tls.provider(), move |applicant| {
        say(&lines(&tenant, applicant));
        if reported.fetch_add(1, Ordering::Relaxed) + 1 == Enrolment::MOST {
            say("# that was the last one; start again to see others");
        }
    });
    let credentials = files::credentials(&options.cert, &options.key, &tls)?;
    let config = tls
        .enrolment_config(&credentials, enrolment)
        .map_err(files::in_option("--tls12"))?;
    let acceptor = Acceptor::new(Arc::new(config)).observed_by(Arc::new(Log::new()));
    let mut listener = Listener::on(tcp, acceptor).map_err(|error| format!("--listen: {error}"))?;
    say(&format!(
        "enrolling on https://{}, admitting nobody",
        listener.local_addr()
    ));
    // Each handshake fails, so none ever comes.
    while listener.next().await.is_some() {}
    Ok(())
}

/// Nothing that the client says of itself stands outside of comments: not even its names, which a shell would read.
fn lines(tenant: &TenantId, applicant: &Applicant) -> String {
    let (option, pem) = match applicant.authority_pem() {
        Some(authority) => ("--client-ca", authority),
        None => ("--client-leaf", applicant.leaf_pem()),
    };
    format!(
        "\n# into the file of --pins, once you know whose key it is:\n{applicant}\n# into the file of {option}:\n{pem}# and as an option:\n\
         --name '{}=pin:{}'\n",
        tenant.as_str().replace('\'', r"'\''"),
        applicant.spki()
    )
}
