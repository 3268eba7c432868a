//! Template and template data of an external list, for import replies (dsp R-T2T-008): the T that
//! follows the R of the list, and the lines of information of each A.

use crate::core::base::HexId;
use crate::core::base::transaction::{Info, TemplateLine};
use crate::core::format::template::Template;
use crate::core::format::usr::UsrRecord;
use crate::import::usr_list::{TPL_LEN_LIMIT, inf_path, tpl_path};
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

/// `TPL/<number>.TPL` and `INF/<number>.INF`.
pub(super) struct ListTemplate<'v> {
    template: Template,
    data: Option<ViewFile<'v>>,
    record: Vec<u8>,
}

impl<'v> ListTemplate<'v> {
    /// `None` when the list has no template, or one without fields.
    pub(super) fn open(view: &'v TreeView, stem: HexId) -> Result<Option<Self>, TreeError> {
        let Some(text) = view.read(&tpl_path(stem), TPL_LEN_LIMIT)? else {
            return Ok(None);
        };
        let (template, _) = Template::parse_lenient(&text);
        let len = template.record_len_bytes();
        if len == 0 {
            return Ok(None);
        }
        let data = view.open_file(&inf_path(stem))?;
        Ok(Some(Self {
            template,
            data,
            record: vec![0; len],
        }))
    }

    /// The lines of the T.
    pub(super) fn lines(&self) -> Vec<TemplateLine> {
        let fields = self.template.fields.iter();
        fields
            .filter_map(|field| TemplateLine::new(&field.to_line()).ok())
            .collect()
    }

    /// The data of an entry: every value that is not the template's default. An entry whose values
    /// are all defaults says one of them, so that a receiver does not keep older data (ASSIGNED).
    pub(super) fn info(&mut self, user: &UsrRecord) -> Result<Vec<Info>, TreeError> {
        let (Some(index), Some(file)) = (user.inf_index(), &self.data) else {
            return Ok(Vec::new());
        };
        let offset = u64::from(index) * self.record.len() as u64;
        if file.read_at(&mut self.record, offset)? < self.record.len() {
            return Ok(Vec::new());
        }
        let Ok(values) = self.template.record_values(&self.record) else {
            return Ok(Vec::new());
        };
        let both = || self.template.fields.iter().zip(&values);
        let line = |prompt: &[u8], value: &[u8]| Info::new(prompt.trim_ascii_start(), value).ok();
        let info: Vec<Info> = both()
            .filter(|(field, value)| field.default_value() != **value)
            .filter_map(|(field, value)| line(&field.prompt, value))
            .collect();
        if info.is_empty() {
            return Ok(both()
                .find_map(|(field, value)| line(&field.prompt, value))
                .into_iter()
                .collect());
        }
        Ok(info)
    }
}
