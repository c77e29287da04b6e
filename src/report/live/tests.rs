//! The view at several sizes, against goldens.

use std::time::Duration;

use expect_test::expect;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::monitor::{HostSample, ProcessSample, Sample, WatchedSample, WorkerSample};
use crate::plan::{Arrival, Curve, PhaseId};
use crate::record::LatencyFigures;
use crate::report::progress::tests::{latency, progress};
use crate::report::{Course, CoursePhase, LastSecond, Level, Progress};
use crate::timeline::{Timeline, fixture};

const RAMP: Curve = Curve::Linear { from: 0.0, to: 200.0 };

/// A ramp of 20 s, 40 s at 200/s, and 20 s of 30 connections.
fn course() -> Course {
    let open = |curve| fixture::open(curve, Arrival::Even);
    let closed = fixture::closed(fixture::steady(30.0));
    let phases = vec![
        fixture::phase(open(RAMP), fixture::seconds(20)),
        fixture::after(fixture::phase(open(fixture::steady(200.0)), fixture::seconds(40)), 0),
        fixture::after(fixture::phase(closed, fixture::seconds(20)), 1),
    ];
    let timeline = Timeline::new(&fixture::plan(phases));
    let places = [("ramp", 0, 20), ("steady", 20, 60), ("closed", 60, 80)];
    let phases = (0..).map(PhaseId).zip(places).map(|(id, (name, begin, end))| CoursePhase {
        name: name.to_owned(),
        line: std::sync::Arc::clone(timeline.line(id)),
        begin: fixture::seconds(begin),
        end: fixture::seconds(end),
    });
    Course {
        plan: "relay-capacity".to_owned(),
        phases: phases.collect(),
        length: fixture::seconds(80),
    }
}

fn sample() -> Sample {
    let host = HostSample {
        cpu: 0.354,
        memory_used: 3 << 30,
        memory_total: 16 << 30,
        network_received: 2_400_000,
        network_sent: 2_500_000,
        descriptors: 2_000,
    };
    let process = ProcessSample { cpu: 0.124, memory: 45 << 20, descriptors: 61, threads: 6 };
    let workers = vec![WorkerSample { name: "worker 0".to_owned(), cpu: 0.081 }];
    Sample { at_s: 45.0, covers_s: 1.0, host, process, workers, watched: None, stalls: Vec::new() }
}

/// Second `at` of a run whose server takes no more than 150 messages each second.
fn at(at: u64) -> Progress {
    let mut now = progress();
    let planned = (at * 10).min(200);
    now.elapsed = Duration::from_secs(at);
    now.total = fixture::seconds(80);
    now.phase.name = if at <= 20 { "ramp" } else { "steady" }.to_owned();
    now.phase.elapsed = Duration::from_secs(if at <= 20 { at } else { at - 20 });
    now.phase.length = fixture::seconds(if at <= 20 { 20 } else { 40 });
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let level = planned as f64;
    now.phase.planned = Level::PerSecond(level);
    now.phase.lag_ms = Some(LatencyFigures { p99: Some(0.31), ..latency(0.01) });
    now.open_sessions = at / 2;
    now.last_second = now.last_second.map(|second| LastSecond {
        started: planned,
        accepted: planned.min(150),
        errors: planned.saturating_sub(150),
        ..second
    });
    now.machine = Some(sample());
    now
}

fn board(seconds: u64) -> Board {
    let mut board = Board::new(course());
    board.note("target default: 127.0.0.1:2525");
    for second in 1..=seconds {
        board.second(at(second));
    }
    board.note("0:16  ramp: the server throttles at 160/s with 8 open: 450 at rcpt \u{1b}[31m");
    board.note("warning: a task panicked");
    board
}

fn drawn(board: &Board, looking: Looking, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| render(board, looking, Style::Plain, frame.area(), frame.buffer_mut()))
        .unwrap();
    let buf = terminal.backend().buffer().clone();
    let row = |row| (0..width).map(|column| buf[(column, row)].symbol()).collect::<String>();
    let rows: Vec<String> = (0..height).map(|at| format!("|{}", row(at).trim_end())).collect();
    rows.join("\n") + "\n"
}

#[test]
fn on_a_usual_terminal() {
    expect![[r"
        | relay-capacity  running                                0:45 of 1:20  0:35 left
        | steady 2/3  200/s planned  ━━━━━━━━━━━━━━━━━━━━━─────────────  62 %  0:15 left
        | messages/s   ─ planned   █ started
        |   200│                ⡠⠊⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
        |      │             ⢀⠤⠊██████████████████████████            ┊
        |      │           ⣀⠔⠁████████████████████████████            ┊
        |      │         ⡠⠊███████████████████████████████            ┊
        |   100│      ⢀⠔⠊█████████████████████████████████            ┊
        |      │    ⣀⠔⠁███████████████████████████████████            ┊
        |      │  ⡠⠊██████████████████████████████████████            ┊
        |      │⠔⠉████████████████████████████████████████            ┊
        |  0:00 ramp              steady                              closed         1:20
        |
        | messages        now    in all response        now     phase outcomes
        | started       200/s     41.0k p50         1.23 ms   1.23 ms accepted      28.0k
        | accepted      150/s     28.0k p95         12.3 ms   12.3 ms temporary     12.3k
        | errors         50/s     12.3k p99         45.6 ms   45.6 ms codes
        | sessions    22 open     4,120 max          203 ms    203 ms 250           28.0k
        |                               lag p99    0.310 ms  0.310 ms 450           12.3k
        | host    cpu 35 % · memory 3.00 GiB of 16.0 GiB · net ↓ 2.29 MiB/s ↑ 2.38 MiB/s
        | tool    cpu 12 % · worker 8 % · memory 45.0 MiB · 61 descriptors · 6 threads
        | 0:16  ramp: the server throttles at 160/s with 8 open: 450 at rcpt \u{1b}[31m
        | warning: a task panicked
        | q stop   p hold the picture   ? help
    "]]
    .assert_eq(&drawn(&board(45), Looking::Newest, 80, 24));
}

#[test]
fn on_a_small_one() {
    expect![[r"
        | relay-capacity  running
        | steady 2/3  200/s planned
        | messages/s   ─ planned   █ started
        |   200│     ⢀⠤⠊⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
        |      │  ⢀⠤⠊⠁█████████████     ┊
        |      │⠤⠊⠁████████████████     ┊
        |  0:00 ramp    steady          clo… 1:20
        | 200/s started  150/s accepted
        | 12.3k errors  22 sessions open
        | p50 1.23 ms  p99 45.6 ms
        | 250 ×28.0k  450 ×12.3k
        | q stop   p hold the picture   ? help
    "]]
    .assert_eq(&drawn(&board(45), Looking::Newest, 40, 12));
}

#[test]
fn on_a_large_one() {
    expect![[r"
        | relay-capacity  running                                                                                                                0:45 of 1:20  0:35 left
        | steady 2/3  200/s planned                                                                            ━━━━━━━━━━━━━━━━━━━━━━━━━───────────────  62 %  0:15 left
        | messages/s   ─ planned   █ started                                              accepted/s   █ accepted
        |   200│                ⢠⠊⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉┊                     150│            ▅████████████████████████████             ┊
        |      │              ⢀⠔⠁████████████████████████             ┊                        │          ▁▇█████████████████████████████             ┊
        |      │             ⡠⠃██████████████████████████             ┊                        │         ▃███████████████████████████████             ┊
        |      │           ⢠⠊████████████████████████████             ┊                        │         ████████████████████████████████             ┊
        |      │         ⢀⠔⠁█████████████████████████████             ┊                        │       ▁▇████████████████████████████████             ┊
        |   100│        ⡠⠃███████████████████████████████             ┊                      75│      ▄██████████████████████████████████             ┊
        |      │      ⡠⠊█████████████████████████████████             ┊                        │     ▆███████████████████████████████████             ┊
        |      │    ⢀⠔⠁██████████████████████████████████             ┊                        │   ▂█████████████████████████████████████             ┊
        |      │   ⡰⠁████████████████████████████████████             ┊                        │  ▄██████████████████████████████████████             ┊
        |      │ ⡠⠊██████████████████████████████████████             ┊                        │ ▆███████████████████████████████████████             ┊
        |      │⠔⠁███████████████████████████████████████             ┊                        │█████████████████████████████████████████             ┊
        |  0:00 ramp              steady                              closed        1:20   0:00 ramp              steady                              closed        1:20
        | response   ─ p99   █ p50                                                        sessions   ─ planned   █ open
        |  50ms│⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡀             ┊                      30│                  ┊                                   ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
        |      │                  ┊                                   ┊                        │                  ┊                                   ┊
        |      │                  ┊                                   ┊                        │                  ┊                 ▂▂▄▄▄             ┊
        |      │                  ┊                                   ┊                        │                  ┊            ▃▃▅▅▇█████             ┊
        |  25ms│                  ┊                                   ┊                      15│                  ┊     ▁▁▄▆▆████████████             ┊
        |      │                  ┊                                   ┊                        │                  ▂▂▄▄▇▇█████████████████             ┊
        |      │                  ┊                                   ┊                        │             ▃▃▅▅▇███████████████████████             ┊
        |      │                  ┊                                   ┊                        │      ▁▁▃▆▆██████████████████████████████             ┊
        |      │▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁             ┊                        │▂▂▄▄▇▇███████████████████████████████████             ┊
        |  0:00 ramp              steady                              closed        1:20   0:00 ramp              steady                              closed        1:20
        | errors/s   █ errors
        |    50│                                     ██████████████████████████████████████████████████                           ┊
        |      │                                   ▁███████████████████████████████████████████████████                           ┊
        |      │                                  ▂████████████████████████████████████████████████████                           ┊
        |      │                                 ▃█████████████████████████████████████████████████████                           ┊
        |    25│                                ▄██████████████████████████████████████████████████████                           ┊
        |      │                               ▄███████████████████████████████████████████████████████                           ┊
        |      │                              ▅████████████████████████████████████████████████████████                           ┊
        |      │                             ▆█████████████████████████████████████████████████████████                           ┊
        |      │                            ▇██████████████████████████████████████████████████████████                           ┊
        |  0:00 ramp                                  steady                                                                      closed                             1:20
        |
        | messages        now    in all response        now     phase   outcomes                        codes
        | started       200/s     41.0k p50         1.23 ms   1.23 ms   accepted      28.0k    69.4 %   250           28.0k    69.4 %
        | accepted      150/s     28.0k p95         12.3 ms   12.3 ms   temporary     12.3k    30.6 %   450           12.3k    30.6 %
        | errors         50/s     12.3k p99         45.6 ms   45.6 ms
        | sessions    22 open     4,120 max          203 ms    203 ms
        |                               lag p99    0.310 ms  0.310 ms
        | host    cpu 35 % · memory 3.00 GiB of 16.0 GiB · net ↓ 2.29 MiB/s ↑ 2.38 MiB/s
        | tool    cpu 12 % · worker 8 % · memory 45.0 MiB · 61 descriptors · 6 threads
        | target default: 127.0.0.1:2525
        | 0:16  ramp: the server throttles at 160/s with 8 open: 450 at rcpt \u{1b}[31m
        | warning: a task panicked
        | q stop   p hold the picture   ? help
    "]].assert_eq(&drawn(&board(45), Looking::Newest, 160, 50));
}

#[test]
fn the_help_says_what_keys_and_signs_mean() {
    expect![[r"
        | relay-capacity  running                                0:45 of 1:20  0:35 left
        | steady 2/3  200/s planned  ━━━━━━━━━━━━━━━━━━━━━─────────────  62 %  0:15 left
        |
        | q, Ctrl-C   nothing starts any more, what has started runs to its end;
        |             again: everything ends at once. Results are written either way.
        | p, space    holds the picture; the run goes on
        | Ctrl-Z      stops the process, `fg` goes on: the run is late by that time
        | ?           shows and hides this
        |
        | now         the newest second that all workers have told
        | phase       all of the phase up to now; - where too few samples carry it
        | ≥           decided by messages without an answer: at least so much
        | lag         by how much the tester itself was late
        | in all      since the run began
        | charts      the line is planned, the area achieved; over the whole run
        |
        |
        |
        |
        |
        |
        |
        |
        | q stop   p hold the picture   ? help
    "]]
    .assert_eq(&drawn(&board(45), Looking::Help, 80, 24));
}

#[test]
fn before_the_first_second_there_is_little_to_see() {
    let board = Board::new(course());
    expect![[r"
        | relay-capacity  running            0:00 of 1:20  1:20 left
        |
        |  the first second is not over yet
        |
        |
        |
    "]]
    .assert_eq(&drawn(&board, Looking::Newest, 60, 6));
}

#[test]
fn where_the_length_is_not_known_charts_grow_with_the_run() {
    let mut open = board(45);
    for phase in &mut open.course.phases {
        phase.end = None;
    }
    open.course.phases.truncate(1);
    open.course.length = None;
    open.end(Going::Draining);

    let text = drawn(&open, Looking::Held, 80, 24);

    assert!(text.contains("0:56"), "{text}");
    assert!(text.lines().next().is_some_and(|line| line.contains("draining")), "{text}");
}

#[test]
fn no_size_breaks_it() {
    let board = board(45);
    for width in [0, 1, 3, 8, 15, 20, 40, 77, 78, 124, 200] {
        for height in (0..12).chain([17, 18, 29, 30, 45, 60]) {
            for looking in [Looking::Newest, Looking::Help] {
                let area = Rect::new(0, 0, width, height);
                render(&board, looking, Style::Coloured, area, &mut Buffer::empty(area));
            }
        }
    }
}

#[test]
fn what_a_server_said_cannot_steer_the_terminal() {
    let text = drawn(&board(30), Looking::Newest, 120, 40);

    assert!(text.contains("450 at rcpt \\u{1b}[31m"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn without_colours_none_is_used() {
    let area = Rect::new(0, 0, 80, 24);
    let mut buf = Buffer::empty(area);
    render(&board(45), Looking::Newest, Style::Plain, area, &mut buf);

    let coloured = buf.content.iter().find(|cell| {
        let none = ratatui::style::Color::Reset;
        cell.fg != none || cell.bg != none
    });
    assert_eq!(coloured, None);
}

#[test]
fn a_watched_process_has_a_row_of_its_own() {
    for (processes, told) in [(9, " · 9 processes"), (1, "")] {
        let mut board = board(45);
        let mut now = at(46);
        now.machine = now.machine.map(|sample| Sample {
            watched: Some(WatchedSample {
                pid: 4711,
                processes,
                cpu: 0.61,
                memory: 120 << 20,
                descriptors: None,
                threads: 12,
            }),
            ..sample
        });
        board.second(now);

        let text = drawn(&board, Looking::Newest, 80, 24);

        let row = format!("| watched cpu 61 % · memory 120 MiB · 12 threads{told}\n");
        assert!(text.contains(&row), "{text}");
    }
}
