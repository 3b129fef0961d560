// Counts branches from the JSON that `llvm-cov export` prints on stdin.
//   branches.js FOLDER AIM GROUP… -- [PART-OF-A-NAME…]
// FOLDER is that of the sources. A GROUP is name=pattern, a regular expression of paths below it. Prints a line for each
// file and each group, and for each file that a PART names, which branches no test takes. Exit 1: a group is below AIM per cent.
'use strict';
const fs = require('fs');
const path = require('path');

const [folder, aim, ...rest] = process.argv.slice(2);
const split = rest.indexOf('--');
const groups = rest.slice(0, split).map((group) => {
  const [name, pattern] = group.split(/=(.*)/s);
  return {name, pattern: new RegExp(pattern), taken: 0, all: 0};
});
const wanted = rest.slice(split + 1);

// A template has its branches once for each type that it is made for: taken in one is taken.
function branchesOf(file) {
  const lines = fs.readFileSync(file.filename, 'utf8').split('\n');
  const places = new Map();
  for (const [line, column, endLine, endColumn, ifTrue, ifFalse] of file.branches) {
    const place = `${line}:${column}:${endLine}:${endColumn}`;
    const b = places.get(place) || {line, column, endLine, endColumn, ifTrue: 0, ifFalse: 0};
    b.ifTrue += ifTrue;
    b.ifFalse += ifFalse;
    places.set(place, b);
  }
  const branches = [];
  for (const b of [...places.values()].sort((x, y) => x.line - y.line || x.column - y.column)) {
    const before = lines[b.line - 1].slice(0, b.column - 1);
    const text = lines[b.line - 1].slice(b.column - 1, b.endLine === b.line ? b.endColumn - 1 : undefined);
    if (text === 'true') continue;  // while (true)
    // What a switch does when no case fits: the compiler refuses one that leaves out an enumerator.
    const noCase = /\bswitch \($/.test(before);
    if (!noCase) branches.push({line: b.line, text: `never true: ${text}`, taken: b.ifTrue > 0});
    branches.push({line: b.line, text: `never false: ${text}`, taken: b.ifFalse > 0});
  }
  return branches;
}

const percent = (taken, all) => `${(all === 0 ? 100 : (100 * taken) / all).toFixed(1).padStart(5)} %`;
for (const file of JSON.parse(fs.readFileSync(0, 'utf8')).data[0].files) {
  const name = path.relative(folder, file.filename);
  const group = groups.find((g) => g.pattern.test(name));
  if (!group) continue;
  const branches = branchesOf(file);
  const taken = branches.filter((b) => b.taken).length;
  group.taken += taken;
  group.all += branches.length;
  console.log(`${percent(taken, branches.length)}  ${String(branches.length - taken).padStart(4)} missed  ${name}`);
  if (!wanted.some((part) => name.includes(part))) continue;
  for (const b of branches) if (!b.taken) console.log(`         ${name}:${b.line}: ${b.text}`);
}
for (const g of groups) console.log(`${percent(g.taken, g.all)}  ${g.taken} of ${g.all} branches  ${g.name}`);
if (groups.some((g) => g.taken * 100 < g.all * Number(aim))) process.exit(1);
