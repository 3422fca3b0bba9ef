use super::label::Label;

/// A PEM text of which not every section can be read: what was seen, in which line, and what to do.
///
/// # Security
/// Never quotes what stands in the text: it may be a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidPem {
    problem: Problem,
}

impl InvalidPem {
    #[cfg(feature = "tls")]
    pub(crate) fn is_encrypted_key(self) -> bool {
        matches!(self.problem, Problem::Encrypted { .. })
    }
}

impl From<Problem> for InvalidPem {
    fn from(problem: Problem) -> Self {
        Self { problem }
    }
}

/// Lines are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error(
        "binary, as DER or PKCS#12; convert it with `openssl x509`, `crl` or `pkey` and `-inform DER`, or with `openssl pkcs12`"
    )]
    Binary,
    #[error("UTF-16; save it as UTF-8")]
    Utf16,
    #[error("no {wanted} in it")]
    Missing { wanted: &'static str },
    #[cfg(feature = "forwarded")]
    #[error("something stands beside the certificates; send nothing else")]
    Beside,
    #[error("line {line}: {label} has no END; the text was cut off, export it again")]
    Unclosed { label: Label, line: usize },
    #[error("line {line}: this END is not that of {label}, which began in line {began}; export it again")]
    OtherEnd { label: Label, began: usize, line: usize },
    #[error("line {line}: an END without a BEGIN; export it again")]
    StrayEnd { line: usize },
    #[error("line {line}: base64 outside of a section; put it between its BEGIN and END")]
    Unframed { line: usize },
    #[error(
        "line {line}: the lines are joined by `\\n`, a backslash and a letter; put line breaks in their place"
    )]
    LiteralBreaks { line: usize },
    #[error("line {line}: the line breaks are lost; put BEGIN and END on lines of their own")]
    LostBreaks { line: usize },
    #[error(
        "line {line}: an END and the next BEGIN in one line; texts were joined, and one lacks its last line break"
    )]
    Joined { line: usize },
    #[error("line {line}: a BEGIN or END is indented; put it at the beginning of its line")]
    Indented { line: usize },
    #[error("line {line}: a byte order mark in the middle; texts were joined, save each without it")]
    ByteOrderMark { line: usize },
    #[error(
        "line {line}: not quite a BEGIN or END; write it alone on its line, with five hyphens at each end"
    )]
    Marker { line: usize },
    #[error("line {line}: {label} does not hold well-formed base64; export it again")]
    Base64 { label: Label, line: usize },
    #[error("line {line}: what {label} holds cannot be read; export it again")]
    Content { label: Label, line: usize },
    #[error("line {line}: {label} is not read here; {}", .label.remedy())]
    NotTaken { label: Label, line: usize },
    #[error(
        "line {line}: the private key is encrypted; decrypt it with `openssl pkey`, and protect the file instead"
    )]
    Encrypted { line: usize },
    #[error("line {line}: a second key; give one only")]
    Several { line: usize },
}
