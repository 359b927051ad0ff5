#!/usr/bin/env node
const greeting = (name) => `hello ${name}`;
module.exports = { greeting };
if (require.main === module) console.log(greeting("command"));
