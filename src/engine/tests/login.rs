//! Sessions that log in to the embedded server, some of them with a wrong password on purpose.

use super::*;
use crate::record::AuthFigures;
use crate::smtp::{Auth, Login, Mechanism, Proof, Secret};

fn logins() -> Arc<[Login]> {
    let login = |n: u32| Login {
        user: format!("u{n}").into(),
        password: Secret::new(&format!("password-{n}")),
    };
    (0..3).map(login).collect()
}

/// So many messages, each in a session of its own.
fn plan_of(mechanism: Mechanism, failure_rate: f64, messages: u64) -> Plan {
    let phase = Phase { count: Some(messages), ..phase("a", steady(2.0), None) };
    let mut plan = plan(vec![phase], 0.001);
    plan.clients[0].auth = Some(Auth { mechanism, logins: logins(), failure_rate });
    plan.clients[0].messages_per_connection = CountRange::exactly(1);
    plan.sink.users = Some(logins());
    plan
}

/// How many of the first sessions of the client try a wrong password.
fn wrong(plan: &Plan, sessions: u64) -> u64 {
    let timeline = Timeline::new(plan);
    let auth = plan.clients[0].auth.as_ref().unwrap();
    let draw = |number| timeline.session_draw(ClientId(0), number);
    let attempts = (0..sessions).map(|number| auth.attempt(number, draw(number)).unwrap());
    attempts.filter(|attempt| attempt.proof != Proof::Right).count() as u64
}

fn auth_of(cell: &Cell) -> AuthFigures {
    let length = Duration::from_secs(1);
    let end = crate::record::SpanEnd::Time;
    crate::record::Portion { cell: cell.clone(), peak_open: 0, length, end }.figures().auth
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_are_refused_as_planned_whatever_the_mechanism() {
    for mechanism in Mechanism::ALL {
        let plan = plan_of(mechanism, 0.2, 100);
        let wrong = wrong(&plan, 100);
        assert!((10..=30).contains(&wrong), "{wrong}");

        let outcomes = run(plan).await;

        let cell = outcomes.phase(0);
        let figures = auth_of(cell);
        let refused =
            AuthFigures { accepted: 100 - wrong, refused: wrong, refused_on_purpose: wrong };
        assert_eq!(figures, refused, "{mechanism:?}");
        assert_eq!(outcomes.ended(0, Outcome::Expected), wrong, "{mechanism:?}");
        assert_eq!(outcomes.ended(0, Outcome::Accepted), 100 - wrong, "{mechanism:?}");
        assert!(cell.errors.is_empty() && cell.sessions.failed == 0, "{mechanism:?}");
        let step = cell.steps[Step::Auth.index()].as_ref().unwrap();
        assert_eq!((step.ok, step.refused), (100 - wrong, wrong), "{mechanism:?}");
        let sink = &outcomes.sink;
        assert_eq!((sink.auth_accepted, sink.auth_refused), (Some(100 - wrong), Some(wrong)));
        assert_eq!(sink.refused.get("mail"), None, "nobody sends without a login");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_does_not_back_off_where_the_plan_wants_the_refusal() {
    let outcomes = run(plan_of(Mechanism::Plain, 1.0, 100)).await;

    assert_eq!(outcomes.ended(0, Outcome::Expected), 100);
    assert!(outcomes.took < seconds(2.0), "{:?}", outcomes.took);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_the_server_does_not_know_is_an_error_of_the_target() {
    let mut plan = plan_of(Mechanism::Plain, 0.0, 5);
    let stranger = Login { user: "u0".into(), password: Secret::new("other") };
    plan.sink.users = Some([stranger].into());

    let outcomes = run(plan).await;

    assert_eq!(outcomes.ended(0, Outcome::Permanent), 5);
    assert_eq!(outcomes.phase(0).sessions.failed, 5);
    let (key, error) = outcomes.phase(0).errors.first_key_value().unwrap();
    assert_eq!((key.step, error.example.as_str()), (Step::Auth, "535 5.7.8 wrong credentials"));
}

#[tokio::test(start_paused = true)]
async fn a_server_without_auth_gets_no_mail() {
    let mut plan = plan_of(Mechanism::ScramSha256, 0.0, 3);
    plan.sink.users = None;

    let outcomes = run(plan).await;

    assert_eq!(outcomes.ended(0, Outcome::Unconnected), 3);
    assert_eq!(outcomes.sink.messages, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_can_name_the_login_of_its_session() {
    let mut plan = plan_of(Mechanism::Plain, 0.0, 6);
    plan.messages[0].form = Form::Raw { text: "Subject: x\n\n{{ user }}\n".into() };
    plan.messages[0].from = "{{ user }}@load.test".to_owned();

    let outcomes = run(plan).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 6);
    // Three lines of CRLF and the user's two letters.
    assert_eq!(outcomes.sink.octets, 6 * "Subject: x\r\n\r\nu0\r\n".len() as u64);
}
