//! The file of `--config` is read anew when it changes, and what it says is put in force as a whole, or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::live::Live;
use countersign::reload::{FileSource, Files, Loaded, Loading, NotLoaded, Reading, Reload, Rules, Source};
use countersign::web::Sites;
use rustls::pki_types::UnixTime;

use crate::Mistake;
use crate::config::{self, Plan};
use crate::document::Document;
use crate::log::later;

/// What is in force, for as long as this is kept.
pub(crate) struct InForce {
    pub(crate) plan: Live<Plan>,
    _reload: Reload,
}

/// Watches the file of this plan, and every file that it names. New handshakes are led by `sites`.
pub(crate) async fn start(file: &Path, plan: Plan, sites: Live<Sites>) -> Result<InForce, Mistake> {
    let reload = Reload::new().observed_by(later());
    let publish = move |plan: &Arc<Plan>| {
        plan.admit();
        sites.publish(plan.sites.clone());
        Ok::<_, Mistake>(())
    };
    let started = reload.start_with("--config", Config::new(file, plan), Rules::default(), publish);
    let plan = started.await.map_err(|failed| failed.to_string())?.live();
    Ok(InForce {
        plan,
        _reload: reload,
    })
}

/// A source of plans. A plan that could not be made is tried again though its file stays as it is: what it lacks may be in
/// another file.
#[derive(Debug)]
struct Config {
    file: PathBuf,
    texts: FileSource<String>,
    held: Option<Arc<String>>,
    is_made: bool,
    /// What was made before the port was opened.
    first: Option<Plan>,
}

impl Config {
    fn new(file: &Path, first: Plan) -> Self {
        let texts = Files::of([file]).read_by(|read: &Reading<'_, String>| Ok(read.text(0)?.to_owned()));
        Self {
            file: file.to_owned(),
            texts,
            held: None,
            is_made: false,
            first: Some(first),
        }
    }

    async fn look(&mut self, before: Option<Arc<Plan>>, now: UnixTime) -> Result<Loaded<Plan>, NotLoaded> {
        let loaded = self.texts.load(self.held.clone(), now).await?;
        if let Some(text) = loaded.value() {
            (self.held, self.is_made) = (Some(Arc::new(text.clone())), false);
        }
        let Some(text) = self.held.clone().filter(|_| !self.is_made) else {
            return Ok(Loaded::unchanged());
        };
        let plan = match self.first.take().filter(|first| first.is_of(&text)) {
            Some(first) => first,
            None => self.make(text, before).await?,
        };
        plan.watch().await?;
        self.is_made = true;
        Ok(Loaded::new(plan))
    }

    async fn make(&self, text: Arc<String>, before: Option<Arc<Plan>>) -> Result<Plan, NotLoaded> {
        let document = Document::of(&self.file, String::clone(&text));
        let made = tokio::task::spawn_blocking(move || config::plan(&document, before.as_deref()));
        made.await
            .map_err(|_| NotLoaded::Panicked)?
            .map_err(NotLoaded::invalid)
    }
}

impl Source<Plan> for Config {
    fn load(&mut self, before: Option<Arc<Plan>>, now: UnixTime) -> Loading<'_, Plan> {
        Box::pin(self.look(before, now))
    }

    fn places(&self) -> Vec<PathBuf> {
        vec![self.file.clone()]
    }
}
