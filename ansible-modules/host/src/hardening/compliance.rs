//! The compliance report: one HTML page for a fleet, with nothing outside it, from the reports of its hosts. Pure.

use super::control::Control;
use super::outcome::{ControlOutcome, HostReport, Standing};
use super::table;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--applied:#2a7;--drifted:#d33;--pending-reboot:#b80;--excepted:#57c;--unsupported:#888}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
td{overflow-wrap:anywhere}code{font-size:.92em;white-space:pre-wrap}small{opacity:.75}
.s{font-weight:600;white-space:nowrap}.s::before{content:'';display:inline-block;width:.65em;height:.65em;border-radius:50%;margin-right:.45em;background:currentColor}
.applied .s{color:var(--applied)}.drifted .s{color:var(--drifted)}.pending-reboot .s{color:var(--pending-reboot)}.excepted .s{color:var(--excepted)}.unsupported .s{color:var(--unsupported)}
.controls{table-layout:fixed}.controls th:nth-child(1){width:9em}.controls th:nth-child(2){width:22%}.controls th:nth-child(3){width:25%}.controls th:nth-child(5){width:25%}
.bar{display:inline-block;vertical-align:middle;width:7em;height:.7em;margin-right:.6em;border-radius:.35em;background:linear-gradient(to right,var(--applied) var(--score),var(--line) var(--score))}
.n{text-align:right;font-variant-numeric:tabular-nums}.n.zero{opacity:.45}a{color:inherit}
.filter{margin:1rem 0}.filter label{margin-right:1rem}
@media print{.filter{display:none}body{margin:0;max-width:none;font-size:10pt}tr{break-inside:avoid}thead{display:table-header-group}}
";

/// The page. The same reports give the same page.
pub fn page(reports: &[HostReport]) -> String {
    let hosts: String = (1..).zip(reports).map(|(number, report)| host(number, report)).collect();
    let count = if reports.len() == 1 { "1 host".to_owned() } else { format!("{} hosts", reports.len()) };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Hardening of {count}</title><style>\n{STYLE}{}</style></head><body>\n\
         <h1>Hardening of {count}</h1><p>A score is the part that is applied of the controls that the host was asked for and can do: \
         what is excepted or unsupported does not count.</p>\n{}{}{hosts}</body></html>\n",
        hiding(),
        summary(reports),
        filter(),
    )
}

/// Boxes that hide rows of a standing, by style sheet alone.
fn filter() -> String {
    let boxes = Standing::ALL.map(|standing| {
        let word = standing.word();
        format!("<label><input type=\"checkbox\" id=\"show-{word}\" checked> {word}</label>")
    });
    format!("<p class=\"filter\">Show: {}</p>\n", boxes.concat())
}

fn hiding() -> String {
    let rules = Standing::ALL.map(|standing| {
        let word = standing.word();
        format!("body:has(#show-{word}:not(:checked)) tr.{word}{{display:none}}\n")
    });
    rules.concat()
}

fn summary(reports: &[HostReport]) -> String {
    let heads = Standing::ALL.map(|standing| format!("<th class=\"n\">{}</th>", standing.word())).concat();
    let rows: String = (1..).zip(reports).map(|(number, report)| summary_row(number, report)).collect();
    format!(
        "<table><thead><tr><th>host</th><th>profile</th><th>score</th>{heads}</tr></thead><tbody>\n{rows}</tbody></table>\n"
    )
}

fn summary_row(number: usize, report: &HostReport) -> String {
    let counts = Standing::ALL.map(|standing| count_cell(report.count(standing))).concat();
    let (host, profile, score) = (escaped(&report.host), escaped(&report.profile), score(report));
    let bar = report
        .score()
        .map_or(String::new(), |score| format!("<span class=\"bar\" style=\"--score:{score}%\"></span>"));
    format!(
        "<tr><td><a href=\"#host-{number}\">{host}</a></td><td>{profile}</td><td>{bar}{score}</td>{counts}</tr>\n"
    )
}

fn count_cell(count: usize) -> String {
    let zero = if count == 0 { " zero" } else { "" };
    format!("<td class=\"n{zero}\">{count}</td>")
}

fn score(report: &HostReport) -> String {
    report.score().map_or("–".to_owned(), |score| format!("{score} %"))
}

fn host(number: usize, report: &HostReport) -> String {
    let mut controls: Vec<_> = report.controls.iter().collect();
    // What people wrote comes before what the table says of itself.
    controls.sort_by_key(|control| {
        let place = Standing::ALL.iter().position(|standing| *standing == control.standing);
        (place, control.reason.starts_with(super::selection::OPT_IN))
    });
    let rows: String = controls.into_iter().map(row).collect();
    format!(
        "<h2 id=\"host-{number}\">{}</h2><p>{}, {}</p>\n<table class=\"controls\"><thead><tr><th>standing</th><th>control</th><th>observed</th><th>wanted</th>\
         <th>reason</th></tr></thead><tbody>\n{rows}</tbody></table>\n",
        escaped(&report.host),
        escaped(&report.profile),
        score(report),
    )
}

fn row(control: &ControlOutcome) -> String {
    let word = control.standing.word();
    let known = table::control(&control.id);
    let title = known.map(|known| known.title.as_str()).unwrap_or_default();
    let rules = known.map(rules).unwrap_or_default();
    format!(
        "<tr class=\"{word}\"><td class=\"s\">{word}</td><td><code>{}</code><br><small>{}{rules}</small></td><td><code>{}</code></td>\
         <td><code>{}</code></td><td>{}</td></tr>\n",
        escaped(&control.id),
        escaped(title),
        escaped(&control.observed),
        escaped(&control.wanted),
        escaped(&control.reason),
    )
}

/// The rules that a control meets, by number.
fn rules(control: &Control) -> String {
    let anssi: Vec<_> = control.anssi.iter().map(|rule| format!("R{rule}")).collect();
    let mut rules = Vec::new();
    if !anssi.is_empty() {
        rules.push(format!("ANSSI {}", anssi.join(", ")));
    }
    if !control.cis.is_empty() {
        rules.push(format!("CIS {}", control.cis.join(", ")));
    }
    if rules.is_empty() { String::new() } else { format!("<br>{}", rules.join(" · ")) }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(host: &str, reason: &str) -> HostReport {
        let control = |id: &str, standing| ControlOutcome {
            id: id.to_owned(),
            standing,
            observed: "yes".to_owned(),
            wanted: "no".to_owned(),
            reason: reason.to_owned(),
        };
        let controls = vec![
            control("ssh.use-dns", Standing::Applied),
            control("ssh.permit-tunnel", Standing::Drifted),
            control("ssh.tcp-forwarding", Standing::Excepted),
            control("mount.tmp", Standing::Unsupported),
        ];
        HostReport { host: host.to_owned(), profile: "baseline".to_owned(), controls }
    }

    #[test]
    fn excepted_and_unsupported_controls_do_not_count() {
        assert_eq!(report("a", "").score(), Some(50));
        assert_eq!(HostReport { controls: Vec::new(), ..report("a", "") }.score(), None);
    }

    #[test]
    fn bad_news_comes_first() {
        let page = page(&[report("a", "bastion host")]);
        let place = |word: &str| page.find(&format!("<tr class=\"{word}\">")).unwrap();
        assert!(place("drifted") < place("excepted") && place("excepted") < place("applied"));
        assert!(page.contains("bastion host"));
    }

    #[test]
    fn the_page_needs_nothing_outside_it() {
        let page = page(&[report("a", "")]);
        assert!(
            !page.contains("src=")
                && page.matches("href=").count() == page.matches("href=\"#").count()
                && !page.contains("url(")
                && !page.contains("<script")
        );
    }

    proptest! {
        /// Whatever a host says, it stays text.
        #[test]
        fn no_value_becomes_markup(name in "[<>&\"'a-z]{1,12}") {
            let with = page(&[report(&name, &name)]);
            let without = page(&[report("x", "x")]);
            prop_assert_eq!(with.matches('<').count(), without.matches('<').count());
            prop_assert_eq!(with.matches('"').count(), without.matches('"').count());
        }
    }
}
