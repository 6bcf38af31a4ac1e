// `node node.mjs CONTENDER LIBRARY NETWORK`: a contender in a process of its own. A message names a function and its argument.

const [path, library, network] = process.argv.slice(2);
const { contender } = await import(path);
const functions = await contender(library, network);
process.on("message", async ([name, argument]) => process.send(await functions[name](argument)));
process.send("ready");
