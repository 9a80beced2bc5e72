//! To whom reports go.

/// How entries are reported to authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSettings {
    /// Who reports: sender of every report. Without it nothing can be reported. Default: none.
    pub from: Option<String>,
    /// Authorities that take reports. Default: none.
    pub to: Vec<String>,
    /// The most reports in an hour, of all hosts together. Default: 60.
    pub per_hour: u32,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            from: None,
            to: Vec::new(),
            per_hour: 60,
        }
    }
}
