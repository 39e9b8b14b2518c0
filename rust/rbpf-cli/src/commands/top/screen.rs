// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is on the screen, and what keys do.

use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row as TableRow, Table as TableWidget, TableState};

use super::figures::{self, Device, Reach, Row, Sort};
use super::table::{Column, Table};
use super::watch::Update;
use crate::terminal::printable;

const KEYS: &str = "q quit   up/down or j/k select   s sort";
/// Characters of a path that are shown.
const MAX_PATH: usize = 60;

/// The state of the user interface.
pub(super) struct Screen {
    devices: Vec<Device>,
    interval: Duration,
    sort: Sort,
    /// Device and name of the container that is selected: it stays so when
    /// rows change their order.
    selected: Option<(usize, Option<String>)>,
    /// Which part of the table is visible.
    table: TableState,
    quit: bool,
}

impl Screen {
    pub(super) fn new(devices: Vec<Device>, interval: Duration) -> Self {
        Self {
            devices,
            interval,
            sort: Sort::Device,
            selected: None,
            table: TableState::default(),
            quit: false,
        }
    }

    /// Whether the user has seen enough.
    pub(super) fn wants_to_quit(&self) -> bool {
        self.quit
    }

    pub(super) fn update(&mut self, update: Update) {
        if let Some(device) = self.devices.get_mut(update.device) {
            device.update(update);
        }
    }

    pub(super) fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if control => self.quit = true,
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => self.quit = true,
            KeyCode::Char('s' | 'S') => self.sort = self.sort.next(),
            KeyCode::Down | KeyCode::Char('j') => self.select(|index, _| index.saturating_add(1)),
            KeyCode::Up | KeyCode::Char('k') => self.select(|index, _| index.saturating_sub(1)),
            KeyCode::Home | KeyCode::Char('g') => self.select(|_, _| 0),
            KeyCode::End | KeyCode::Char('G') => self.select(|_, last| last),
            _ => {}
        }
    }

    /// Moves the selection; `to` maps the position and the last one.
    fn select(&mut self, to: impl FnOnce(usize, usize) -> usize) {
        let rows = figures::rows(&self.devices, self.sort);
        let Some(last) = rows.len().checked_sub(1) else {
            return;
        };
        // The first key selects the first row.
        let index = match self.position(&rows) {
            Some(index) => to(index, last).min(last),
            None => 0,
        };
        self.selected = rows.get(index).and_then(|row| {
            let (_, container) = row.of(&self.devices)?;
            Some((row.device, container.record.name.clone()))
        });
    }

    fn position(&self, rows: &[Row]) -> Option<usize> {
        let (device, name) = self.selected.as_ref()?;
        rows.iter().position(|row| {
            let found = row.of(&self.devices);
            row.device == *device
                && found.is_some_and(|(_, container)| container.record.name == *name)
        })
    }

    pub(super) fn draw(&mut self, frame: &mut Frame<'_>, now: Instant) {
        let rows = figures::rows(&self.devices, self.sort);
        let area = frame.area();
        let heads = self.heads(now, usize::from(area.height / 3).max(1));
        let [title, devices, _, table, detail, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(heads.len() as u16),
            Constraint::Length(1),
            Constraint::Min(2),
            Constraint::Length(2),
            Constraint::Length(1),
        ])
        .areas(area);
        frame.render_widget(self.title(rows.len()), title);
        frame.render_widget(Paragraph::new(heads), devices);
        self.draw_table(frame, table, &rows, now);
        frame.render_widget(Paragraph::new(self.detail(&rows)), detail);
        frame.render_widget(Line::from(KEYS).dim(), keys);
    }

    fn title(&self, containers: usize) -> Line<'static> {
        Line::from(vec![
            "rbpf top".bold(),
            format!(
                "   devices {}   containers {containers}   every {} s   sorted by {}",
                self.devices.len(),
                self.interval.as_secs_f32(),
                self.sort.name()
            )
            .into(),
        ])
    }

    /// A line for each device, as many as there is room for.
    fn heads(&self, now: Instant, room: usize) -> Vec<Line<'static>> {
        let all = self.devices.len();
        // Those that need attention before the others, if not all fit.
        let mut order: Vec<&Device> = self.devices.iter().collect();
        if all > room {
            order.sort_by_key(|device| device.reach(now, self.interval) == Reach::Up);
        }
        let shown = if all > room { room - 1 } else { all };
        let widest = self
            .devices
            .iter()
            .map(|device| Span::raw(device.uri()).width());
        let widest = widest.max().unwrap_or(0);
        let mut lines: Vec<_> = order
            .iter()
            .take(shown)
            .map(|device| self.head(device, now, widest))
            .collect();
        if shown < all {
            lines.push(Line::from(format!("and {} more", all - shown)).dim());
        }
        lines
    }

    fn head(&self, device: &Device, now: Instant, widest: usize) -> Line<'static> {
        let (word, color) = match device.reach(now, self.interval) {
            Reach::Asking => ("asking", Color::Yellow),
            Reach::Up => ("up", Color::Green),
            Reach::Late => ("late", Color::Yellow),
            Reach::Down => ("down", Color::Red),
        };
        let age = device.age(now).map_or("no data yet".into(), |age| {
            format!(
                "containers {:<3} data {:.1} s old",
                device.containers().len(),
                age.as_secs_f64()
            )
        });
        let mut spans = vec![
            Span::raw(format!("{:<widest$}  ", device.uri())),
            Span::styled(format!("{word:<6}  "), Style::new().fg(color)),
            Span::raw(age),
        ];
        if let Some(trouble) = device.trouble() {
            spans.push(Span::styled(
                format!("   {trouble}"),
                Style::new().fg(color),
            ));
        }
        Line::from(spans)
    }

    fn draw_table(&mut self, frame: &mut Frame<'_>, area: Rect, rows: &[Row], now: Instant) {
        const SYMBOL: &str = "> ";
        let mut table = Table::new(&self.devices, rows);
        table.fit(usize::from(area.width).saturating_sub(SYMBOL.len()));
        let aligned = |column: Column, text: String| match column.is_number() {
            true => Cell::from(Line::from(text).right_aligned()),
            false => Cell::from(text),
        };
        let titles = table
            .columns
            .iter()
            .map(|&(column, _)| aligned(column, column.title().into()));
        let header = TableRow::new(titles).style(Modifier::BOLD);
        let widths: Vec<_> = table
            .columns
            .iter()
            .map(|&(_, width)| Constraint::Length(width.min(usize::from(u16::MAX)) as u16))
            .collect();
        let lines = rows.iter().zip(table.cells).map(|(row, cells)| {
            let columns = table.columns.iter().map(|&(column, _)| column);
            let line = TableRow::new(
                columns
                    .zip(cells)
                    .map(|(column, cell)| aligned(column, cell)),
            );
            let found = row.of(&self.devices);
            let faulty = found.is_some_and(|(_, container)| container.record.fault.is_some());
            let current = self.devices.get(row.device).is_some_and(|device| {
                matches!(device.reach(now, self.interval), Reach::Up | Reach::Late)
            });
            match (current, faulty) {
                (false, _) => line.style(Modifier::DIM),
                (true, true) => line.style(Color::Red),
                (true, false) => line,
            }
        });
        let widget = TableWidget::new(lines, widths)
            .header(header)
            .column_spacing(2)
            .highlight_symbol(SYMBOL)
            .highlight_spacing(ratatui::widgets::HighlightSpacing::Always)
            .row_highlight_style(Modifier::REVERSED);
        self.table.select(self.position(rows));
        frame.render_stateful_widget(widget, area, &mut self.table);
    }

    /// More of the container that is selected.
    fn detail(&self, rows: &[Row]) -> Vec<Line<'static>> {
        let row = self.position(rows).and_then(|index| rows.get(index));
        let Some((device, container)) = row.and_then(|row| row.of(&self.devices)) else {
            return Vec::new();
        };
        let record = &container.record;
        let path = record.path.as_deref().unwrap_or("-");
        let bytes = record.bytes.map_or("-".into(), |bytes| bytes.to_string());
        let name = Column::Container.cell(device, container);
        let path = printable(path, MAX_PATH);
        let mut lines = vec![Line::from(format!(
            "{name} on {}   path {path}   bytes {bytes}",
            device.uri()
        ))];
        if record.fault.is_some() {
            let fault = Column::LastFault.cell(device, container);
            lines.push(Line::from(format!(
                "last fault {fault}   rbpf fault FILE --from {} finds the line",
                device.uri()
            )));
        }
        lines
    }
}

#[cfg(test)]
mod tests;
