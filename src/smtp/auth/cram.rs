//! CRAM-MD5: the keyed digest of a challenge (RFC 2195).

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;

use super::hex;

/// The digest in lower-case hexadecimal digits; none for a key that HMAC can't take, which
/// there is not.
pub fn cram_md5(password: &str, challenge: &[u8]) -> Option<String> {
    let mut hmac = Hmac::<Md5>::new_from_slice(password.as_bytes()).ok()?;
    hmac.update(challenge);
    let digest = hmac.finalize().into_bytes();
    Some(hex(&digest))
}
