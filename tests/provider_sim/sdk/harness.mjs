// The simulator as a process of its own, and a receiver for what it posts.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import http from 'node:http';

export function startReceiver() {
  const received = []; // {body, headers}
  return new Promise((resolve) => {
    const server = http.createServer((request, response) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        received.push({body: Buffer.concat(chunks), headers: request.headers});
        response.end('ok');
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const stop = () => {
        server.closeAllConnections(); // a receiver left open would keep the test running for ever
        server.close();
      };
      resolve({received, stop, url: `http://127.0.0.1:${server.address().port}/hook`});
    });
  });
}

export function startSimulator(options) {
  return new Promise((resolve, reject) => {
    const sim = spawn(process.env.SIM_BINARY, ['--listen', '127.0.0.1:0', '--seed', '5', '--start', 'now', ...options],
      {stdio: ['ignore', 'pipe', 'inherit']});
    sim.once('error', reject);
    sim.once('exit', (code) => reject(new Error(`the simulator ended with ${code}`)));
    sim.stdout.once('data', (line) => {
      const port = Number(/:(\d+)\s*$/.exec(String(line))[1]);
      const base = `http://127.0.0.1:${port}`;
      const stop = async () => {
        sim.removeAllListeners('exit');
        const ended = new Promise((done) => sim.once('exit', (code, signal) => done(signal ?? code)));
        sim.kill('SIGTERM');
        assert.equal(await ended, 0);
      };
      const control = async (path, body) => {
        const answer = await fetch(base + path, body && {method: 'POST', body: JSON.stringify(body)});
        assert.equal(answer.status, 200, await answer.clone().text());
        return answer.json();
      };
      resolve({port, base, stop, control});
    });
  });
}
