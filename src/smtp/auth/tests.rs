//! The examples of the RFCs, and servers that do not keep to them.

use std::num::NonZeroU32;
use std::rc::Rc;

use super::*;
use crate::draw::Draw;

fn login(user: &str, password: &str) -> Login {
    Login { user: user.into(), password: Secret::new(password) }
}

fn exchange(mechanism: Mechanism, user: &str, password: &str, nonce: &str) -> Exchange {
    let attempt = Attempt { mechanism, login: login(user, password), proof: Proof::Right };
    Exchange::new(attempt, nonce.to_owned(), Rc::default())
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap()
}

#[test]
fn plain_says_all_at_once() {
    // RFC 4954 4: `AHRlc3QAMTIzNA==` is NUL test NUL 1234.
    let mut plain = exchange(Mechanism::Plain, "test", "1234", "");

    assert_eq!(encode(&plain.initial().unwrap()), "AHRlc3QAMTIzNA==");
    assert_eq!(plain.answer(b""), Err(Breach::OneTooMany));
    assert_eq!(plain.believes(), Ok(()));
}

#[test]
fn login_says_user_and_password_when_asked() {
    let mut login = exchange(Mechanism::Login, "test", "1234", "");

    assert_eq!(login.initial(), None);
    assert_eq!(login.answer(b"Username:").as_deref(), Ok(&b"test"[..]));
    assert_eq!(login.answer(b"anything").as_deref(), Ok(&b"1234"[..]));
    assert_eq!(login.answer(b"more"), Err(Breach::OneTooMany));
}

#[test]
fn cram_md5_is_that_of_rfc_2195() {
    let mut cram = exchange(Mechanism::CramMd5, "tim", "tanstaaftanstaaf", "");

    assert_eq!(cram.initial(), None);
    let response = cram.answer(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
    assert_eq!(text(&response), "tim b913a602c7eda7a495b4e6e7334d3890");
}

const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

fn scram() -> Exchange {
    exchange(Mechanism::ScramSha256, "user", "pencil", CLIENT_NONCE)
}

#[test]
fn scram_is_that_of_rfc_7677() {
    let mut scram = scram();

    assert_eq!(text(&scram.initial().unwrap()), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let proof = scram.answer(SERVER_FIRST.as_bytes()).unwrap();
    assert_eq!(
        text(&proof),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    assert_eq!(scram.believes(), Err(Breach::Unproven));
    let last = scram.answer(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert_eq!(last, Ok(Vec::new()));
    assert_eq!(scram.believes(), Ok(()));
}

#[test]
fn a_server_that_proves_nothing_is_not_believed() {
    let forged = format!("v={}", encode(&[7; 32]));
    for (verdict, expected) in [
        (forged.as_str(), Err(Breach::Unproven)),
        ("hello", Err(Breach::Strange)),
        ("e=invalid-proof", Ok(Vec::new())),
    ] {
        let mut scram = scram();
        scram.initial();
        scram.answer(SERVER_FIRST.as_bytes()).unwrap();

        assert_eq!(scram.answer(verdict.as_bytes()), expected, "{verdict}");
        assert!(scram.believes().is_err(), "{verdict}");
    }
}

#[test]
fn a_server_that_breaks_scram_is_left() {
    let table = [
        ("r=other,s=W22Z,i=4096", Breach::Nonce),
        ("r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096", Breach::Nonce),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=100001", Breach::Iterations),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=0", Breach::Strange),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096", Breach::Strange),
        ("m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096", Breach::Strange),
        ("", Breach::Strange),
    ];
    for (challenge, breach) in table {
        let mut scram = scram();
        scram.initial();

        assert_eq!(scram.answer(challenge.as_bytes()), Err(breach), "{challenge}");
    }
}

#[test]
fn a_user_is_salted_once_for_each_salt() {
    let ring = Keyring::default();
    let rounds = NonZeroU32::new(2).unwrap();
    let tim = login("tim", "x");
    let keys = |salt: &[u8]| ring.keys(&tim.user, &tim.password, (salt, rounds));

    let first = keys(b"a");

    assert!(Rc::ptr_eq(&first, &keys(b"a")));
    assert!(!Rc::ptr_eq(&first, &keys(b"b")));
}

#[test]
fn bearer_tokens_are_sent_at_once_and_errors_are_answered() {
    // RFC 7628 4.1, without host and port; and the form of XOAUTH2.
    let mut bearer = exchange(Mechanism::Oauthbearer, "user@example.com", "vF9dft4qmTc2", "");
    let mut xoauth = exchange(Mechanism::Xoauth2, "someuser@example.com", "ya29.vF9dft4qmTc2", "");

    let first = bearer.initial().unwrap();
    assert_eq!(text(&first), "n,a=user@example.com,\x01auth=Bearer vF9dft4qmTc2\x01\x01");
    assert_eq!(bearer.answer(b"{\"status\":\"401\"}").as_deref(), Ok(&b"\x01"[..]));
    assert_eq!(bearer.answer(b""), Err(Breach::OneTooMany));
    assert_eq!(
        encode(&xoauth.initial().unwrap()),
        "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMgEB"
    );
    assert_eq!(xoauth.answer(b"{\"status\":\"400\"}"), Ok(Vec::new()));
}

#[test]
fn users_take_turns_and_wrong_passwords_are_drawn() {
    let logins = vec![login("a", "1"), login("b", "2"), login("c", "3")];
    let auth = Auth { mechanism: Mechanism::Plain, logins: logins.into(), failure_rate: 0.25 };
    let draw = Draw::new(7);
    let attempts: Vec<Attempt> =
        (0..4000).map(|number| auth.attempt(number, draw.at(number)).unwrap()).collect();

    let users: Vec<&str> = attempts[..4].iter().map(|attempt| &*attempt.login.user).collect();
    assert_eq!(users, ["a", "b", "c", "a"]);
    let wrong = attempts.iter().filter(|attempt| attempt.proof != Proof::Right).count();
    assert!((900..1100).contains(&wrong), "{wrong}");
    assert_eq!(auth.attempt(9, draw.at(9)), auth.attempt(9, draw.at(9)));
}

#[test]
fn a_secret_shows_itself_to_nobody() {
    let login = login("tim", "tanstaaf");
    let mut exchange = exchange(Mechanism::Plain, "tim", "tanstaaf", "");
    exchange.initial();

    for shown in [format!("{login:?} {}", login.password), format!("{exchange:?}")] {
        assert!(!shown.contains("tanstaaf"), "{shown}");
    }
    assert_eq!(
        exchange.veil().cover("no tanstaaf for AHRpbQB0YW5zdGFhZg=="),
        "no [secret] for [secret]"
    );
}
