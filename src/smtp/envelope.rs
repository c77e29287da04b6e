//! A sender and recipients → the commands MAIL, RCPT and DATA or BDAT, ready to be sent.

use super::chunk::Carrier;
use super::{Capabilities, Dsn, Keyword};

/// The envelope of one message, and what its commands must tell of the text.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// What tells the message from all others of the run.
    pub id: u64,
    /// The reverse path without brackets; empty for the null sender.
    pub from: &'a str,
    /// The forward paths without brackets.
    pub to: &'a [String],
    /// The text's size in octets before dot-stuffing (RFC 1870).
    pub size: u64,
    /// Whether the text has octets beyond ASCII.
    pub eight_bit: bool,
    /// Whether an address has.
    pub utf8: bool,
}

/// What session and client make of an envelope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    pub(super) offered: Capabilities,
    pub(super) carrier: Carrier,
    pub(super) dsn: Option<&'a Dsn>,
}

/// The commands of one message in the order in which they are sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Commands {
    octets: Vec<u8>,
    ends: Vec<usize>,
}

impl Commands {
    /// Replaces these commands by those of an envelope.
    pub(super) fn fill(&mut self, envelope: &Envelope<'_>, terms: Terms<'_>) {
        self.octets.clear();
        self.ends.clear();
        let dsn = terms.dsn.filter(|_| terms.offered.offers(Keyword::Dsn));
        self.put_mail(envelope, terms.offered, dsn);
        for to in envelope.to {
            self.put(&[b"RCPT TO:<", to.as_bytes(), b">"]);
            if let Some(dsn) = dsn {
                dsn.put_rcpt(to, &mut self.octets);
            }
            self.end();
        }
        match terms.carrier {
            Carrier::Data => self.put(&[b"DATA"]),
            Carrier::Bdat => {
                self.put(&[b"BDAT ", decimal(envelope.size, &mut [0; 20]), b" LAST"]);
            }
        }
        self.end();
    }

    fn put_mail(&mut self, envelope: &Envelope<'_>, offered: Capabilities, dsn: Option<&Dsn>) {
        let mut size = [0; 20];
        let mut parts: [&[u8]; 6] = [b""; 6];
        parts[0] = b"MAIL FROM:<";
        parts[1] = envelope.from.as_bytes();
        parts[2] = b">";
        if offered.offers(Keyword::Size) {
            parts[3] = b" SIZE=";
            parts[4] = decimal(envelope.size, &mut size);
        }
        parts[5] = match (envelope.eight_bit, envelope.utf8) {
            (_, true) if offered.offers(Keyword::SmtpUtf8) => b" BODY=8BITMIME SMTPUTF8",
            (true, _) if offered.offers(Keyword::EightBitMime) => b" BODY=8BITMIME",
            (true | false, true | false) => b"",
        };
        self.put(&parts);
        if let Some(dsn) = dsn {
            dsn.put_mail(decimal(envelope.id, &mut [0; 20]), &mut self.octets);
        }
        self.end();
    }

    fn put(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.octets.extend_from_slice(part);
        }
    }

    /// Ends the command that was put.
    fn end(&mut self) {
        self.octets.extend_from_slice(b"\r\n");
        self.ends.push(self.octets.len());
    }

    /// All commands.
    pub(super) fn all(&self) -> &[u8] {
        &self.octets
    }

    /// The n-th command: 0 is MAIL, then the recipients, the last is DATA or BDAT.
    pub(super) fn nth(&self, n: usize) -> &[u8] {
        let begin = n.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(n).copied().unwrap_or(begin);
        self.octets.get(begin..end).unwrap_or_default()
    }

    /// How many recipients there are.
    pub(super) fn recipients(&self) -> usize {
        self.ends.len().saturating_sub(2)
    }
}

/// A number's decimal digits.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Notify, Reply};
    use super::*;

    fn commands(ehlo: &[u8]) -> Commands {
        filled(ehlo, Carrier::Data, &Dsn::default())
    }

    fn filled(ehlo: &[u8], carrier: Carrier, dsn: &Dsn) -> Commands {
        let offered = Capabilities::of(&Reply::parse(ehlo).unwrap().unwrap().0);
        let dsn = Some(dsn);
        let to = ["b@load.test".to_owned(), "c@load.test".to_owned()];
        let mut commands = Commands::default();
        let envelope = Envelope {
            id: 12,
            from: "a@load.test",
            to: &to,
            size: 1024,
            eight_bit: true,
            utf8: false,
        };
        commands.fill(&envelope, Terms { offered, carrier, dsn });
        commands
    }

    #[test]
    fn parameters_are_sent_only_where_they_are_offered() {
        assert_eq!(commands(b"250 x\r\n").nth(0), b"MAIL FROM:<a@load.test>\r\n");
        assert_eq!(
            commands(b"250-x\r\n250-SIZE\r\n250 8BITMIME\r\n").nth(0),
            b"MAIL FROM:<a@load.test> SIZE=1024 BODY=8BITMIME\r\n"
        );
    }

    #[test]
    fn single_commands_make_up_the_group() {
        let commands = commands(b"250 x\r\n");

        let joined: Vec<u8> = (0..4).flat_map(|n| commands.nth(n).to_vec()).collect();

        assert_eq!(joined, commands.all());
        assert_eq!(commands.nth(2), b"RCPT TO:<c@load.test>\r\n");
        assert_eq!(commands.nth(3), b"DATA\r\n");
        assert_eq!(commands.recipients(), 2);
    }

    #[test]
    fn a_chunk_tells_its_size_and_keeps_the_parameters_of_mail() {
        let commands = filled(b"250-x\r\n250 8BITMIME\r\n", Carrier::Bdat, &Dsn::default());

        assert_eq!(commands.nth(0), b"MAIL FROM:<a@load.test> BODY=8BITMIME\r\n");
        assert_eq!(commands.nth(3), b"BDAT 1024 LAST\r\n");
    }

    #[test]
    fn notifications_are_asked_for_only_where_they_are_offered() {
        let dsn = Dsn { notify: Some(Notify::Never), envid: true, ..Dsn::default() };

        let offered = filled(b"250-x\r\n250 DSN\r\n", Carrier::Data, &dsn);
        let plain = filled(b"250 x\r\n", Carrier::Data, &dsn);

        assert_eq!(offered.nth(0), b"MAIL FROM:<a@load.test> ENVID=mailquake-12\r\n");
        assert_eq!(offered.nth(1), b"RCPT TO:<b@load.test> NOTIFY=NEVER\r\n");
        assert_eq!(plain.nth(0), b"MAIL FROM:<a@load.test>\r\n");
        assert_eq!(plain.nth(1), b"RCPT TO:<b@load.test>\r\n");
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 7, 1024, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }
}
