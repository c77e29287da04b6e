//! A folder → certificates of one test in it: a root, the servers' and a client's.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};

/// Files in PEM; all are signed by one root.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes them in a folder that is there.
    pub(crate) fn make(folder: &Path) -> Self {
        let made = Self { folder: folder.to_owned() };
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, "root of this test");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        std::fs::write(made.ca(), root.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(root, key);
        made.leaf("server", &["127.0.0.1", "::1", "postfix.test"], &issuer);
        made.leaf("client", &["client.test"], &issuer);
        made
    }

    fn leaf(&self, name: &str, hosts: &[&str], issuer: &Issuer<'_, KeyPair>) {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate: Certificate = params.signed_by(&key, issuer).unwrap();
        std::fs::write(self.file(name, "pem"), certificate.pem()).unwrap();
        std::fs::write(self.file(name, "key"), key.serialize_pem()).unwrap();
    }

    fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ending}"))
    }

    /// The root's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.file("ca", "pem")
    }

    /// The client's certificate.
    pub(crate) fn client(&self) -> PathBuf {
        self.file("client", "pem")
    }

    /// The client's key.
    pub(crate) fn client_key(&self) -> PathBuf {
        self.file("client", "key")
    }
}
