const { parentPort, workerData } = require("node:worker_threads");
const fs = require("node:fs");
if (parentPort) {
  let sum = 0;
  for (let round = 0; round < 200; round += 1) sum += fs.readFileSync(__filename).length > 0 ? workerData : 0;
  parentPort.postMessage(sum);
} else {
  process.send({ forked: process.cwd() });
  process.disconnect();
}
