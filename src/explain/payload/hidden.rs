use zeroize::Zeroizing;

use super::inquiry::Entered;
use super::report::PayloadReport;
use crate::codes::Seen;
use crate::payload::hmac::KeySpec;
use crate::payload::{Message, Trial};

/// The most of what is signed that is shown, in bytes.
const SHOWN: usize = 512;

/// The shortest piece that is looked for: a shorter one is in every text.
const SHORTEST: usize = 4;

/// What stands for a secret that would have been shown.
pub(super) const MASK: &str = "(secret)";

/// The secrets that were given, in every form in which a message could hold them: no report shows one.
pub(super) struct Hidden(Vec<Zeroizing<Vec<u8>>>);

impl Hidden {
    pub(super) fn of<'e>(all: impl IntoIterator<Item = &'e Entered>, spec: Option<&KeySpec>) -> Self {
        let mut forms = Vec::new();
        for entered in all {
            let text = entered.secret.as_str();
            let cut = text.trim().trim_matches(['"', '\'']);
            let bare = cut.rsplit("whsec_").next().unwrap_or(cut);
            forms.extend([text, cut, bare].map(|text| Zeroizing::new(text.as_bytes().to_vec())));
            forms.extend(spec.and_then(|spec| entered.bytes(spec)));
        }
        forms.retain(|form| form.len() >= SHORTEST);
        // The longest first: a part of it would leave the rest.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self(forms)
    }

    /// The beginning of what is signed. Of a fixed secret nothing is.
    pub(super) fn signed(&self, trial: &Trial, message: &Message<'_>) -> Option<(String, usize)> {
        let longest = self.0.iter().map(|form| form.len()).max().unwrap_or_default();
        let (start, total) = trial.signed(message, SHOWN.saturating_add(longest))?;
        Some(self.shown(&start, total))
    }

    /// The beginning of so many bytes.
    pub(super) fn shown(&self, start: &[u8], total: usize) -> (String, usize) {
        let end = if total > SHOWN { " .." } else { "" };
        let shown = self.mask(start, SHOWN);
        (format!("\"{}\"{end}", shown.escape_ascii()), total)
    }

    /// A value of the message as it is shown: what is hidden first, so that nothing is cut in two.
    pub(super) fn seen(&self, value: &[u8]) -> Seen {
        Seen::of_bytes(&self.mask(value, value.len()))
    }

    /// The report without them, wherever it quotes a message.
    pub(super) fn from(&self, mut report: PayloadReport) -> PayloadReport {
        for finding in &mut report.findings {
            finding.seen = self.text(&finding.seen);
        }
        for diagnosis in &mut report.diagnoses {
            diagnosis.detail = self.text(&diagnosis.detail);
        }
        report
    }

    fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.mask(text.as_bytes(), text.len())).into_owned()
    }

    /// The first `limit` bytes. A secret that begins among them is hidden whole.
    fn mask(&self, text: &[u8], limit: usize) -> Vec<u8> {
        let mut masked = Vec::new();
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            if text.len().saturating_sub(rest.len()) >= limit {
                break;
            }
            rest = match self.0.iter().find_map(|form| rest.strip_prefix(form.as_slice())) {
                Some(behind) => {
                    masked.extend_from_slice(MASK.as_bytes());
                    behind
                }
                None => {
                    masked.push(*first);
                    after
                }
            };
        }
        masked
    }
}
