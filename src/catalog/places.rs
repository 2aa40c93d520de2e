//! Where models may lie.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::ModelOrigin;

/// The most entries of one folder that are looked at.
const MAX_ENTRIES: usize = 500;

/// The folders to look into. All may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// Model folders that the command line names.
    pub arguments: Vec<PathBuf>,
    /// Folders of models, two levels deep.
    pub folders: Vec<PathBuf>,
    /// The present folder; one level deep.
    pub current: Option<PathBuf>,
    /// Hugging Face's caches, which hold `models--OWNER--NAME/snapshots/HASH`.
    pub hugging_face: Vec<PathBuf>,
    /// LM Studio's folders, which hold `OWNER/NAME`.
    pub lm_studio: Vec<PathBuf>,
}

impl Places {
    /// The usual places of a person with this home, as the environment says.
    pub fn usual(home: Option<&Path>) -> Self {
        Self::with_variables(home, |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        })
    }

    fn with_variables(home: Option<&Path>, variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let cache = variable("XDG_CACHE_HOME").or_else(|| home.map(|home| home.join(".cache")));
        let hugging_face = [
            variable("HF_HUB_CACHE"),
            variable("HF_HOME").map(|path| path.join("hub")),
            cache.map(|path| path.join("huggingface/hub")),
        ];
        let lm_studio = [".lmstudio/models", ".cache/lm-studio/models"];
        Self {
            current: Some(PathBuf::from(".")),
            hugging_face: hugging_face.into_iter().flatten().collect(),
            lm_studio: home
                .map(|home| lm_studio.map(|path| home.join(path)).to_vec())
                .unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Folders that may hold a model, with their names.
    pub(super) fn candidates(&self) -> Vec<(ModelOrigin, String, PathBuf)> {
        let mut found = Vec::new();
        for path in &self.arguments {
            found.push((ModelOrigin::Argument, folder_name(path), path.clone()));
        }
        let below = |root: &PathBuf, depth, origin, found: &mut Vec<_>| {
            for path in descend(root, depth) {
                found.push((origin, name_below(root, &path), path));
            }
        };
        for root in &self.folders {
            below(root, 2, ModelOrigin::Folder, &mut found);
        }
        if let Some(root) = &self.current {
            below(root, 1, ModelOrigin::Folder, &mut found);
        }
        for root in &self.hugging_face {
            for (name, path) in snapshots(root) {
                found.push((ModelOrigin::HuggingFaceCache, name, path));
            }
        }
        for root in &self.lm_studio {
            below(root, 2, ModelOrigin::LmStudio, &mut found);
        }
        found
    }
}

/// The folder, and those below it down to `depth`.
fn descend(root: &Path, depth: usize) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    if depth > 0 {
        for path in subfolders(root) {
            found.extend(descend(&path, depth - 1));
        }
    }
    found
}

/// The visible folders within a folder, in order.
fn subfolders(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .take(MAX_ENTRIES)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| !folder_name(path).starts_with('.') && path.is_dir())
        .collect();
    paths.sort();
    paths
}

/// The snapshots in a cache of Hugging Face: of each model the one that `main` names, else all.
fn snapshots(root: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for repository in subfolders(root) {
        let folder = folder_name(&repository);
        let Some(name) = folder.strip_prefix("models--") else {
            continue;
        };
        let name = name.replacen("--", "/", 1);
        let all = repository.join("snapshots");
        let main = fs::read_to_string(repository.join("refs/main"))
            .ok()
            .map(|hash| all.join(hash.trim()))
            .filter(|path| path.is_dir() && path.parent() == Some(all.as_path()));
        let paths = main.map_or_else(|| subfolders(&all), |path| vec![path]);
        for path in paths {
            for inner in descend(&path, 1) {
                let below = inner.strip_prefix(&path).unwrap_or(Path::new(""));
                let name = Path::new(&name).join(below);
                let name = name.display().to_string();
                found.push((name.trim_end_matches('/').to_owned(), inner));
            }
        }
    }
    found
}

fn name_below(root: &Path, path: &Path) -> String {
    match path.strip_prefix(root) {
        Ok(below) if !below.as_os_str().is_empty() => below.display().to_string(),
        _ => folder_name(path),
    }
}

pub(super) fn folder_name(path: &Path) -> String {
    let named = path.file_name().map(|name| name.to_string_lossy().into());
    named.unwrap_or_else(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_add_places_before_the_usual_ones() {
        let places = Places::with_variables(Some(Path::new("/home/pip")), |name| match name {
            "HF_HOME" => Some("/big/hf".into()),
            _ => None,
        });
        let expected = ["/big/hf/hub", "/home/pip/.cache/huggingface/hub"];
        assert_eq!(places.hugging_face, expected.map(PathBuf::from));
        assert_eq!(places.lm_studio[0], Path::new("/home/pip/.lmstudio/models"));
        let homeless = Places::with_variables(None, |_| None);
        assert!(homeless.hugging_face.is_empty() && homeless.lm_studio.is_empty());
    }
}
