use http::HeaderName;

use super::XFCC;
use crate::forwarded::{CertificateEncoding, Format, UnverifiedFormat};

impl Format {
    /// Azure Application Gateway, with rewrite rules that set these fields, which you name, to
    /// `{var_client_certificate}` and `{var_client_certificate_verification}`. The latter must be `SUCCESS`.
    pub fn azure_application_gateway(certificate: HeaderName, verification: HeaderName) -> Self {
        Self::of(certificate, CertificateEncoding::PercentEncodedPem)
            .absent_as("")
            .status(verification, "SUCCESS", "NONE")
    }
}

impl UnverifiedFormat {
    /// Azure App Service and Functions: `X-ARR-ClientCert`. The platform does not verify it.
    pub fn azure_app_service() -> Self {
        let certificate = HeaderName::from_static("x-arr-clientcert");
        Self::of(Format::of(certificate, CertificateEncoding::Base64Der).beside("x-arr-clientcert"))
    }

    /// Azure Container Apps: `X-Forwarded-Client-Cert`, as Envoy writes it. In the modes `accept` and `require` the platform
    /// asks for a certificate, and leaves it to the application whether to trust it.
    pub fn azure_container_apps() -> Self {
        Self::of(Format::of(XFCC, CertificateEncoding::Xfcc))
    }
}
