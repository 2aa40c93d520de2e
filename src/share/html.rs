//! A figure as a page: the drawing, and its numbers as tables.

use std::fmt::Write;

use super::escape::xml;
use super::figure::{Figure, Part, Table, as_table, points_table};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;\
padding:0 1rem;color:#1a1d21;background:#fff}svg{max-width:100%;height:auto}\
div{overflow-x:auto}table{border-collapse:collapse;font-size:.8rem;margin:.5rem 0 1.5rem}\
caption{text-align:left;font-weight:600}td,th{border:1px solid #d4d9df;padding:.1rem .4rem;\
text-align:right}td:first-child,th:first-child{text-align:left}footer{color:#55606e}";

/// A page without scripts that loads nothing.
pub(super) fn page(figure: &Figure) -> String {
    let title = xml(&figure.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width\"/><title>{title}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    page.push_str(&super::svg::element(figure));
    for part in &figure.parts {
        match part {
            Part::Map(map) => write_table(&mut page, &as_table(map)),
            Part::Table(table) => write_table(&mut page, table),
            Part::Plot(plot) => write_table(&mut page, &points_table(plot)),
        }
    }
    page.push_str("<footer>");
    for line in &figure.provenance {
        let _ = write!(page, "{}<br/>", xml(line));
    }
    page.push_str("</footer>\n</body></html>\n");
    page
}

fn write_table(page: &mut String, table: &Table) {
    let _ = write!(
        page,
        "<div><table><caption>{}</caption><thead><tr>",
        xml(&table.caption)
    );
    for name in &table.columns {
        let _ = write!(page, "<th>{}</th>", xml(name));
    }
    page.push_str("</tr></thead><tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for cell in table.cells(row) {
            let _ = write!(page, "<td>{}</td>", xml(cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}
