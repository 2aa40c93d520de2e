//! Passes on where MLX's libraries lie, so that the program finds them when it starts.
//!
//! The `DEP_MLX_*` variables exist on Linux only: `cargo xtask setup` puts them into the override
//! of mlx-sys's build script. On macOS MLX is linked statically and nothing happens here.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let key = |name: &str| std::env::var(format!("DEP_MLX_{name}")).ok();
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    if let Some(blas) = key("BLAS") {
        // Named by a path, and kept though nothing refers to it: being loaded by the program
        // itself is what puts its symbols ahead of those that MLX brings.
        println!("cargo::rustc-link-arg=-Wl,--push-state,--no-as-needed,{blas},--pop-state");
        println!("cargo::rustc-env=GPTOSS_BLAS=OpenBLAS");
        if let Some(dir) = std::path::Path::new(&blas).parent() {
            println!("cargo::rustc-link-arg=-Wl,-rpath,{}", dir.display());
        }
    }
    if let Some(dir) = key("LIBDIR") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib,-rpath,{dir}");
    }
    if let Some(version) = key("VERSION") {
        println!("cargo::rustc-env=GPTOSS_MLX_VERSION={version}");
    }
    if let Some(backend) = key("BACKEND") {
        println!("cargo::rustc-env=GPTOSS_MLX_BACKEND={backend}");
    }
}
