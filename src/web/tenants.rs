use std::collections::HashSet;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use super::Either;
use super::passed::{tell, tenant};
use super::refuse::refuse;
use crate::refusal::Refusal;
use crate::tenant::TenantId;

/// A tower layer for authorization: requests of some tenants pass, the others are answered with 403.
///
/// It goes inside [`CallerLayer`](super::CallerLayer), or inside [`PayloadLayer`](super::PayloadLayer) where only
/// payloads say whose they are. Between the two it refuses before the body is read. Where neither has said, the answer
/// is 500.
///
/// ```
/// use countersign::tenant::TenantId;
/// use countersign::web::RequireTenant;
/// use http::{Request, Response, StatusCode};
/// use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// // Only acme and globex have bought this.
/// let beta = RequireTenant::one_of([TenantId::parse("acme")?, TenantId::parse("globex")?]);
/// // /tenants/acme/payouts is acme's alone.
/// let own = RequireTenant::in_path("/tenants/{tenant}");
/// # drop(own);
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// // On a route where no layer has said whose the request is, nobody passes.
/// let handler = service_fn(
///     |_: Request<()>| async { Ok::<_, std::convert::Infallible>(Response::new(String::new())) }
/// );
/// let answer = beta.layer(handler).oneshot(Request::new(())).await?;
/// assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RequireTenant {
    whose: Whose,
}

#[derive(Debug, Clone)]
enum Whose {
    Listed(Arc<HashSet<TenantId>>),
    /// What stands before and after the tenant in the path.
    InPath(Arc<(String, String)>),
}

impl RequireTenant {
    /// Lets these tenants through.
    pub fn one_of(tenants: impl IntoIterator<Item = TenantId>) -> Self {
        let listed = Arc::new(tenants.into_iter().collect());
        Self {
            whose: Whose::Listed(listed),
        }
    }

    /// Lets the tenant through whose name stands in the path where `{tenant}` stands in the template. The path may go on
    /// below it.
    ///
    /// The path is compared as it was sent, so a name that is written with `%` is another name. It is the path that this
    /// layer sees: inside axum's `nest`, the part that is left. A template without `{tenant}` lets nobody through, nor does
    /// any a tenant whose name has a `/` in it: `a/b` could not be told from what is below `a`. A path that leads back out of the
    /// tenant's part (`/t/acme/../globex`, however it is encoded) is let through for nobody: routes of axum take it as it stands, a proxy
    /// or files behind this layer may not.
    pub fn in_path(template: &str) -> Self {
        let Some((before, after)) = template.split_once("{tenant}") else {
            return Self::one_of([]);
        };
        let around = (before.to_owned(), after.trim_end_matches('/').to_owned());
        Self {
            whose: Whose::InPath(Arc::new(around)),
        }
    }

    fn admit(&self, extensions: &Extensions, uri: &Uri) -> Result<(), Refusal> {
        let tenant = tenant(extensions).ok_or_else(nobody_asked)?;
        let admitted = match &self.whose {
            Whose::Listed(listed) => listed.contains(tenant),
            Whose::InPath(around) => stands_in(uri.path(), &around.0, &around.1, tenant.as_str()),
        };
        if admitted {
            return Ok(());
        }
        let tenant = tenant.clone();
        Err(Refusal::TenantNotAdmitted { tenant })
    }
}

fn stands_in(path: &str, before: &str, after: &str, tenant: &str) -> bool {
    if tenant.contains('/') {
        return false;
    }
    let rest = path
        .strip_prefix(before)
        .and_then(|path| path.strip_prefix(tenant));
    let below = rest.and_then(|rest| rest.strip_prefix(after));
    below.is_some_and(|below| (below.is_empty() || below.starts_with('/')) && !leads_back(below))
}

/// Whether whoever decodes the path, takes a backslash for a slash or leaves out the parameters of a segment finds `..` in it.
fn leads_back(below: &str) -> bool {
    if !below.contains(['.', '%']) {
        return false;
    }
    let decoded = below.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
    let decoded = decoded.replace("%5c", "/").replace("%3b", ";");
    let mut segments = decoded.split(['/', '\\']);
    segments.any(|segment| segment == ".." || segment.starts_with("..;"))
}

fn nobody_asked() -> Refusal {
    Refusal::NotWired {
        missing: "the tenant of the request",
        remedy: "put `CallerLayer` or `PayloadLayer` around `RequireTenant`",
    }
}

impl<S> Layer<S> for RequireTenant {
    type Service = RequireTenantService<S>;

    fn layer(&self, inner: S) -> RequireTenantService<S> {
        let rule = self.clone();
        RequireTenantService { rule, inner }
    }
}

/// The service that [`RequireTenant`] makes.
#[derive(Debug, Clone)]
pub struct RequireTenantService<S> {
    rule: RequireTenant,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for RequireTenantService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.rule.admit(request.extensions(), request.uri()) {
            Ok(()) => Either::Through {
                future: self.inner.call(request),
            },
            Err(refusal) => {
                tell(request.extensions(), &refusal);
                Either::Refused {
                    future: ready(Ok(refuse(refusal, request.version()))),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stands_where_the_template_says() {
        #[rustfmt::skip]
        let cases = [
            ("/t/{tenant}", "/t/acme", true),
            ("/t/{tenant}", "/t/acme/", true),
            ("/t/{tenant}", "/t/acme/payouts", true),
            ("/t/{tenant}", "/t/acme.evil", false),
            ("/t/{tenant}", "/t/acme%2f", false),
            ("/t/{tenant}", "/t/%61cme", false),
            ("/t/{tenant}", "/t/globex", false),
            ("/t/{tenant}", "/t/globex/acme", false),
            ("/t/{tenant}", "/t/Acme", false),
            ("/t/{tenant}", "/t//acme", false),
            ("/t/{tenant}", "/x/t/acme", false),
            ("/t/{tenant}", "/t/", false),
            ("/t/{tenant}/in", "/t/acme/in", true),
            ("/t/{tenant}/in/", "/t/acme/in/1", true),
            ("/t/{tenant}/in", "/t/acme/inside", false),
            ("/t/{tenant}/in", "/t/acme", false),
        ];
        for (template, path, expected) in cases {
            assert_eq!(stands(template, path, "acme"), expected, "{path} for {template}");
        }
        assert!(!stands("/t/{tenant}", "/t/a/b", "a/b"), "it is below a");
    }

    fn stands(template: &str, path: &str, tenant: &str) -> bool {
        let Whose::InPath(around) = RequireTenant::in_path(template).whose else {
            panic!("a path");
        };
        stands_in(path, &around.0, &around.1, tenant)
    }

    #[test]
    fn a_template_without_a_tenant_lets_nobody_through() {
        let Whose::Listed(listed) = RequireTenant::in_path("/t").whose else {
            panic!("a list");
        };
        assert_eq!(*listed, HashSet::new());
    }
}
