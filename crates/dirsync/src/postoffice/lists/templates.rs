//! ADMIN.TPL and ADMIN.INF: what is known about each local user beside name and mailbox.
//!
//! Record n of ADMIN.INF belongs to record n of the ACCESS files (Q77926 says "user i of the list";
//! that the list is the ACCESS files is ASSIGNED: their order never changes). Without ADMIN.TPL
//! there is no template data. ADMIN.INF is made when ADMIN.TPL stands there alone (Q117927).

use crate::core::base::codepage::{CodePage, eq_ignore_case_850};
use crate::core::base::transaction::{Info, TemplateLine};
use crate::core::format::template::{Template, TemplateFault};

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::{ListError, notice};

const ADMIN_TPL: &str = "TPL/ADMIN.TPL";
const ADMIN_INF: &str = "INF/ADMIN.INF";

/// The template of the postoffice and its data.
#[derive(Debug)]
pub struct Templates {
    template: Option<Template>,
    inf: Vec<u8>,
    dirty: bool,
}

/// A value for a prompt of the template, in code page 850.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateValue {
    /// The prompt; case, a colon and blanks at its ends do not matter.
    pub prompt: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// A prompt as people write it.
fn plain(prompt: &[u8]) -> &[u8] {
    let prompt = prompt.trim_ascii();
    prompt.strip_suffix(b":").unwrap_or(prompt).trim_ascii()
}

impl Templates {
    /// Reads both files. `users` is the number of records in the ACCESS files.
    pub(super) fn open(edit: &mut Edit<'_>, users: usize) -> Result<Self, PoError> {
        let Some(text) = edit.read(ADMIN_TPL)? else {
            return Ok(Self {
                template: None,
                inf: Vec::new(),
                dirty: false,
            });
        };
        let template = Template::parse(text).map_err(|fault: TemplateFault| ListError::Notice {
            code: notice::BAD_TEMPLATE,
            about: format!("ADMIN.TPL, {fault}"),
        })?;
        let record = template.record_len_bytes();
        let inf = edit.read(ADMIN_INF)?.map(<[u8]>::to_vec);
        let mut dirty = false;
        let mut inf = inf.unwrap_or_default();
        if template.record_count(inf.len() as u64).is_none() {
            return Err(ListError::Notice {
                code: notice::TEMPLATE_MISMATCH,
                about: format!(
                    "ADMIN.INF has {} bytes, a record by ADMIN.TPL {record}",
                    inf.len()
                ),
            }
            .into());
        }
        let fresh = template
            .encode_record(&template.default_values())
            .map_err(|error| ListError::damaged(ADMIN_TPL, error))?;
        while record > 0 && inf.len() / record < users {
            inf.extend_from_slice(&fresh);
            dirty = true;
        }
        Ok(Self {
            template: (record > 0).then_some(template),
            inf,
            dirty,
        })
    }

    /// Whether the postoffice has a template.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.template.is_some()
    }

    /// The prompts as people write them, in order.
    #[must_use]
    pub fn prompts(&self) -> Vec<String> {
        let fields = self.template.iter().flat_map(|template| &template.fields);
        fields
            .map(|field| CodePage::Cp850.decode(plain(&field.prompt)))
            .collect()
    }

    /// The width in bytes of the field that has this prompt.
    pub(super) fn width_of(&self, prompt: &[u8]) -> Option<usize> {
        let fields = &self.template.as_ref()?.fields;
        fields
            .iter()
            .find(|field| eq_ignore_case_850(plain(&field.prompt), plain(prompt)))
            .map(|field| usize::from(field.width))
    }

    fn record_range(&self, index: usize) -> Option<std::ops::Range<usize>> {
        let len = self.template.as_ref()?.record_len_bytes();
        let start = index.checked_mul(len)?;
        let end = start.checked_add(len)?;
        (end <= self.inf.len()).then_some(start..end)
    }

    /// The values of a user, one for each prompt; empty without a template.
    #[must_use]
    pub fn values(&self, index: usize) -> Vec<Vec<u8>> {
        let values = self.record_range(index).and_then(|range| {
            let values = self
                .template
                .as_ref()?
                .record_values(&self.inf[range])
                .ok()?;
            Some(values.into_iter().map(<[u8]>::to_vec).collect())
        });
        values.unwrap_or_default()
    }

    /// Sets values of a user; a `fresh` one begins with the template's defaults, another keeps what
    /// is not named. Whether anything is different now.
    ///
    /// # Errors
    /// A prompt that the template does not have, a value that is too long.
    pub(super) fn set(
        &mut self,
        index: usize,
        values: &[TemplateValue],
        fresh: bool,
    ) -> Result<bool, PoError> {
        let Some(template) = &self.template else {
            return match values.first() {
                None => Ok(false),
                Some(_) => Err(ListError::Usage {
                    why: "the postoffice has no template, so users have no template data".into(),
                    hint: "put a template into TPL/ADMIN.TPL first",
                }
                .into()),
            };
        };
        let mut record = if fresh {
            template.default_values()
        } else {
            self.values(index)
        };
        record.resize(template.fields.len(), Vec::new());
        for given in values {
            let at = template
                .fields
                .iter()
                .position(|field| eq_ignore_case_850(plain(&field.prompt), plain(&given.prompt)))
                .ok_or_else(|| ListError::NoSuch {
                    what: "template prompt",
                    name: format!("{:?}", CodePage::Cp850.decode(&given.prompt)),
                    hint: "`po-admin user show` lists the prompts of a postoffice",
                })?;
            let width = usize::from(template.fields[at].width);
            if given.value.len() > width || given.value.iter().any(|&byte| byte < 0x20) {
                return Err(ListError::Usage {
                    why: format!(
                        "{:?} takes up to {width} characters, without control characters",
                        CodePage::Cp850.decode(plain(&given.prompt))
                    ),
                    hint: "shorten the value",
                }
                .into());
            }
            record[at].clone_from(&given.value);
        }
        let bytes = template
            .encode_record(&record)
            .map_err(|error| ListError::damaged(ADMIN_INF, error))?;
        let len = bytes.len();
        let end = index.saturating_add(1).saturating_mul(len);
        if self.inf.len() < end {
            self.inf.resize(end, 0);
            self.dirty = true;
        }
        let Some(range) = self.record_range(index) else {
            return Ok(false);
        };
        let changed = self.inf[range.clone()] != bytes[..];
        self.inf[range].copy_from_slice(&bytes);
        self.dirty |= changed;
        Ok(changed)
    }

    /// Forgets the values of a user who goes.
    pub(super) fn clear(&mut self, index: usize) {
        if let Some(range) = self.record_range(index) {
            self.inf[range].fill(0);
            self.dirty = true;
        }
    }

    /// The template lines of a user's transaction: every value that is not what a new entry holds
    /// anyway.
    #[must_use]
    pub fn info(&self, index: usize) -> Vec<Info> {
        let Some(template) = &self.template else {
            return Vec::new();
        };
        template
            .fields
            .iter()
            .zip(self.values(index))
            .filter(|(field, value)| field.default_value() != value.as_slice())
            .filter_map(|(field, value)| Info::new(field.prompt.trim_ascii_start(), &value).ok())
            .collect()
    }

    /// The lines of the template for a T transaction; empty without a template.
    #[must_use]
    pub fn lines(&self) -> Vec<TemplateLine> {
        let fields = self.template.iter().flat_map(|template| &template.fields);
        fields
            .filter_map(|field| TemplateLine::new(&field.to_line()).ok())
            .collect()
    }

    pub(super) fn save(self, edit: &mut Edit<'_>) -> Result<(), PoError> {
        if self.dirty {
            edit.write(ADMIN_INF, self.inf)?;
        }
        Ok(())
    }
}
