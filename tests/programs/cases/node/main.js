const { Worker } = require("node:worker_threads");
const { execFileSync, spawn, fork } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");

async function threads() {
  const numbers = [1, 2, 3, 4];
  const sums = numbers.map(
    (number) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(path.join(__dirname, "worker.js"), { workerData: number });
        worker.on("message", resolve).on("error", reject);
      }),
  );
  return Promise.all(sums);
}

async function children() {
  const shell = execFileSync("sh", ["-c", "pwd; id -u; cat"], { input: "piped\n" }).toString().split("\n");
  const code = await new Promise((resolve) => spawn("sh", ["-c", "exit 9"]).on("exit", resolve));
  const signal = await new Promise((resolve) => {
    const sleeper = spawn("sleep", ["60"]);
    sleeper.on("exit", (_, name) => resolve(name)).on("spawn", () => sleeper.kill("SIGKILL"));
  });
  const missing = await new Promise((resolve) => spawn("/no/such").on("error", (error) => resolve(error.code)));
  const forked = await new Promise((resolve) => fork(path.join(__dirname, "worker.js")).on("message", resolve));
  return { shell, code, signal, missing, forked };
}

async function server() {
  const socket = path.join(os.tmpdir(), "test.sock");
  const listening = http.createServer((request, response) => response.end(request.url));
  await new Promise((resolve) => listening.listen(socket, resolve));
  const text = await new Promise((resolve) =>
    http.get({ socketPath: socket, path: "/asked" }, (response) => response.on("data", (data) => resolve(`${data}`))),
  );
  await new Promise((resolve) => listening.close(resolve));
  return text;
}

async function files() {
  fs.mkdirSync("out/deep/er", { recursive: true });
  const changed = new Promise((resolve) => {
    const watcher = fs.watch("out", (kind, name) => (watcher.close(), resolve(`${kind} ${name}`)));
  });
  fs.writeFileSync("out/one", "1".repeat(100000));
  fs.symlinkSync("one", "out/link");
  fs.linkSync("out/one", "out/two");
  fs.chownSync("out/deep", 12, 34);
  fs.chmodSync("out/deep/er", 0o2711);
  const copy = fs.createReadStream("out/link").pipe(fs.createWriteStream("out/copy"));
  await new Promise((resolve) => copy.on("finish", resolve));
  const real = fs.realpathSync("out/link");
  const { uid, gid, mode, nlink } = fs.statSync("out/deep");
  fs.rmSync("out/two");
  const names = fs.readdirSync("out", { recursive: true, withFileTypes: true });
  const described = names.map((entry) => `${entry.parentPath}/${entry.name} ${entry.isDirectory()}`);
  return { real, stat: [uid, gid, mode, nlink], changed: await changed, names: described.sort() };
}

(async () => {
  const result = {
    threads: await threads(),
    children: await children(),
    server: await server(),
    files: await files(),
    user: os.userInfo().username,
    exe: process.execPath,
    cwd: process.cwd(),
  };
  fs.writeFileSync("out/result.json", `${JSON.stringify(result, null, 1)}\n`);
})();
