const { satisfies } = require("semver");
const { greeting } = require("local");
console.log(greeting("bundle"), satisfies("1.2.3", "^1.0.0"));
