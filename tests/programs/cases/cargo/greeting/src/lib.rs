/// What is said to `name`.
pub fn greeting(name: &str) -> String {
    format!("hello {name}")
}
