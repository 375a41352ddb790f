// Divides the client in two: what runs until a page is usable, and while one looks on and types; and the
// rest, which a page loads when somebody begins to use it (tools/parts.js).
//
// What belongs to which part is known from having seen it run (end2end/profile.mjs). `tools/first.txt` has
// each function of the client by a hash of its shape, and of its name where others have that shape, too, with
// those of its *stretches* that ran. A stretch is what runs as a whole or not at all: it begins with a
// function, with an arm of an `if`, and after whatever may branch. A function of which nothing ran goes into
// the rest; of the others, the stretches that never ran are carved out into functions of their own, which go
// there, too.
//
// What the list does not know, because it is new or another compiler has made it, stays whole in the first
// part: nobody waits for it, and the test of the size says when the list has to be made anew. So does what
// goes its ways by chance, such as the allocator: that it did not run says nothing.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../end2end/package.json', import.meta.url));
const binaryen = (await import(pathToFileURL(require.resolve('binaryen')))).default;
const { none, i32, unreachable } = binaryen;

/** Smaller ones are not worth a call, in expressions. */
const WORTH_A_CALL = 8;

/** The values that may come back from one that was carved out: more cost more than they save. */
const RESULTS = 3;

/** The kinds of expressions, each with its children in the order in which they run. */
const KINDS = new Map(
  Object.entries({
    Binary: ['left', 'right'],
    Break: ['value', 'condition'],
    Drop: ['value'],
    GlobalSet: ['value'],
    If: ['condition', 'ifTrue', 'ifFalse'],
    Load: ['ptr'],
    LocalSet: ['value'],
    Loop: ['body'],
    MemoryCopy: ['dest', 'source', 'size'],
    MemoryFill: ['dest', 'value', 'size'],
    MemoryGrow: ['delta'],
    RefIsNull: ['value'],
    Return: ['value'],
    Select: ['ifTrue', 'ifFalse', 'condition'],
    Store: ['ptr', 'value'],
    Switch: ['value', 'condition'],
    TableGet: ['index'],
    TableGrow: ['value', 'delta'],
    TableSet: ['index', 'value'],
    TupleExtract: ['tuple'],
    Unary: ['value'],
    // Any number of them.
    Block: 'Child',
    Call: 'Operand',
    CallIndirect: 'Operand',
    TupleMake: 'Operand',
    // None.
    ...Object.fromEntries(
      ['Const', 'GlobalGet', 'LocalGet', 'MemorySize', 'Nop', 'RefNull', 'TableSize', 'Unreachable'].map(
        (leaf) => [leaf, []],
      ),
    ),
  }).map(([kind, children]) => [binaryen[`${kind}Id`], { kind, children, is: binaryen[kind] }]),
);

const capital = (name) => name[0].toUpperCase() + name.slice(1);

/** An expression as a tree of plain objects. */
function tree(expression) {
  const id = binaryen.getExpressionId(expression);
  const found = KINDS.get(id);
  if (!found) throw new Error(`unknown kind of expression: ${binaryen.emitText(expression)}`);
  const { kind, children, is } = found;
  const node = { expression, kind, type: binaryen.getExpressionType(expression), children: [], size: 1 };
  const add = (name, child, put) => {
    if (!child) return;
    const added = tree(child);
    added.put = put;
    node.children.push(added);
    node.size += added.size;
    if (name) node[name] = added;
  };
  if (typeof children === 'string') {
    const count = is[children === 'Child' ? 'getNumChildren' : 'getNumOperands'](expression);
    for (let at = 0; at < count; at++) {
      const put = (child) => is[`set${children}At`](expression, at, child);
      add(null, is[`get${children}At`](expression, at), put);
    }
    if (kind === 'CallIndirect') {
      add('target', is.getTarget(expression), (child) => is.setTarget(expression, child));
    }
  } else {
    for (const name of children) {
      const put = (child) => is[`set${capital(name)}`](expression, child);
      add(name, is[`get${capital(name)}`](expression), put);
    }
  }
  if (['Block', 'Loop', 'Break'].includes(kind)) node.label = is.getName(expression) || undefined;
  if (kind === 'Break') node.labels = [node.label];
  if (kind === 'Switch') {
    const names = Array.from({ length: is.getNumNames(expression) }, (_, at) => is.getNameAt(expression, at));
    node.labels = [is.getDefaultName(expression), ...names];
  }
  if (kind === 'LocalGet' || kind === 'LocalSet') node.local = is.getIndex(expression);
  return node;
}

/** Numbers the stretches of a function, and gives how many there are. */
function stretches(root) {
  let count = 0;
  const begin = (node) => {
    node.begins = count;
    return count++;
  };
  // Gives whether what comes after a node may not run although the node did.
  const number = (node, stretch) => {
    node.stretch = stretch;
    if (node.kind === 'If') {
      number(node.condition, stretch);
      number(node.ifTrue, begin(node.ifTrue));
      if (node.ifFalse) number(node.ifFalse, begin(node.ifFalse));
      return true;
    }
    if (node.kind === 'Block') {
      let current = stretch;
      let mayLeave = false;
      let leaves = false;
      for (const child of node.children) {
        if (leaves) current = begin(child);
        leaves = number(child, current);
        mayLeave ||= leaves;
      }
      return mayLeave || Boolean(node.label);
    }
    const mayLeave = node.children.map((child) => number(child, stretch)).includes(true);
    return mayLeave || ['Loop', 'Break', 'Switch', 'Return', 'Unreachable'].includes(node.kind);
  };
  number(root, begin(root));
  return count;
}

const hash = (text) => createHash('sha256').update(text).digest('base64url').slice(0, 8);

/** The kinds of a function's expressions, in order: no addresses, and no numbers that depend on others. */
function shape(root) {
  const kinds = [];
  const visit = ({ kind, children }) => {
    kinds.push(kind);
    children.forEach(visit);
    kinds.push(')');
  };
  visit(root);
  return hash(kinds.join(' '));
}

/** Those that are in the module, and not imported. */
const functions = (module) =>
  Array.from({ length: module.getNumFunctions() }, (_, at) =>
    binaryen.getFunctionInfo(module.getFunctionByIndex(at)),
  ).filter(({ base }) => !base);

/** The same, each as a tree with its stretches numbered. */
const defined = (module) =>
  functions(module).map((found) => {
    const root = tree(found.body);
    const count = stretches(root);
    const alone = shape(root);
    return { ...found, root, count, shape: alone, key: hash(`${alone} ${lasting(found.name)}`) };
  });

/** A name without the hashes of crates, which depend on the place where they are built. */
const lasting = (name) => name.replace(/\[[0-9a-f]{12,16}\]/g, '');

/** The names of the functions that a function calls. */
function calls(module, name) {
  const called = [];
  const visit = ({ kind, expression, children }) => {
    if (kind === 'Call') called.push(binaryen.Call.getTarget(expression));
    children.forEach(visit);
  };
  visit(tree(binaryen.getFunctionInfo(module.getFunction(name)).body));
  return called;
}

/** The module, saying of each stretch when it runs: `mark` is called with its number. Gives that, and the
 * line of the list that each function has, with the number of its first stretch. */
export function mark(bytes) {
  const module = binaryen.readBinary(bytes);
  const found = defined(module);
  module.addFunctionImport('mark', './flack_bg.js', 'mark', i32, none);
  const lines = [];
  const shapes = new Set();
  const repeated = new Set();
  for (const { shape } of found) (shapes.has(shape) ? repeated : shapes).add(shape);
  let first = 0;
  for (const { name, results, root, count, shape, key } of found) {
    const call = (nth) => module.call('mark', [module.i32.const(first + nth)], none);
    const visit = (node) => {
      node.children.forEach(visit);
      if (node.kind === 'If') {
        for (const arm of [node.ifTrue, node.ifFalse]) {
          arm?.put(module.block(null, [call(arm.begins), arm.expression], arm.type));
        }
      }
      if (node.kind !== 'Block') return;
      for (const [at, { begins }] of [...node.children.entries()].reverse()) {
        if (begins !== undefined) binaryen.Block.insertChildAt(node.expression, at, call(begins));
      }
    };
    visit(root);
    const body = module.block(null, [call(0), root.expression], results);
    binaryen.Function.setBody(module.getFunction(name), body);
    lines.push({ key: repeated.has(shape) ? key : shape, first, count });
    first += count;
  }
  return { bytes: written(module), lines };
}

/** The list of what ran: a line a function, with its stretches as bits in base 64. */
export function list(lines, ran) {
  const written = lines.map(({ key, first, count }) => {
    const bits = Buffer.alloc(Math.ceil(count / 8));
    for (let nth = 0; nth < count; nth++) if (ran.has(first + nth)) bits[nth >> 3] |= 1 << (nth & 7);
    return bits.some(Boolean) ? `${key} ${bits.toString('base64url')}` : key;
  });
  return written.sort().join('\n') + '\n';
}

function read(list) {
  const known = new Map();
  for (const line of list.split('\n')) {
    const [key, bits = ''] = line.split(' ');
    const bytes = Buffer.from(bits, 'base64url');
    known.set(key, (nth) => Boolean((bytes[nth >> 3] ?? 0) & (1 << (nth & 7))));
  }
  return known;
}

/** Marks functions that ran, for `divide`: not all of them have names that last. */
const RAN = 'ran ';

/** Functions that go one way or the other by chance: where memory is free, what a hash is, how long a text is, how
 * far two keys of a table are alike. They stay whole. */
const BY_CHANCE = new RegExp(
  [
    /^[<&(]*(?:mut )?(?:dlmalloc|__rustc|alloc|hashbrown|indexmap|slotmap|compiler_builtins)\[/,
    /^[<&(]*(?:mut )?(?:core\[\w+\]::(?:str|slice|char|num)\b|str>|u32|u64)/,
    / as core\[\w+\]::cmp::(?:PartialEq|PartialOrd|Ord)>::/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

/** Carves out of the module what never ran, and marks the functions that did. */
export function carve(bytes, text) {
  const known = read(text);
  const module = binaryen.readBinary(bytes);
  module.setFeatures(module.getFeatures() | binaryen.Features.Multivalue);
  const first = new Set();
  let unknown = 0;
  for (const found of defined(module)) {
    const stretchRan = known.get(found.shape) ?? known.get(found.key);
    if (!stretchRan) unknown += 1;
    if (stretchRan && !stretchRan(0)) continue;
    if (stretchRan && !BY_CHANCE.test(found.name)) carveFunction(module, found, stretchRan);
    first.add(found.name);
  }
  // What is added is gone through as well.
  for (const name of first) {
    for (const called of calls(module, name)) if (BY_CHANCE.test(called)) first.add(called);
  }
  [...first].forEach((name, nth) => module.addFunctionExport(name, `${RAN}${nth}`));
  order(module);
  if (!module.validate()) throw new Error('what is left of the client is no valid module');
  return { bytes: written(module), unknown };
}

/** Puts the functions in the order of their sizes, and then of their names: neighbours of one size are often of
 * one kind. The linker's order depends on the place where the client is built, which makes 2 kB more or less of
 * it, compressed. */
function order(module) {
  const ordered = functions(module);
  const size = (body) => binaryen.emitText(body).length;
  const keys = new Map(ordered.map(({ name, body }) => [name, [size(body), lasting(name)]]));
  ordered.sort((a, b) => {
    const [[length, name], [otherLength, otherName]] = [keys.get(a.name), keys.get(b.name)];
    return length - otherLength || (name < otherName ? -1 : 1);
  });
  for (const { name, params, results, vars, body } of ordered) {
    module.removeFunction(name);
    module.addFunction(name, params, results, vars, body);
  }
}

function carveFunction(module, { name, params, vars, results, root }, ran) {
  const types = [...binaryen.expandType(params), ...vars];
  const bit = (local) => 1n << BigInt(local);
  let count = 0;
  let added = 0;

  // What is live: the locals that are read later, before they are set.
  const liveAt = new Map();
  const before = (nodes, live) => nodes.reduceRight((live, node) => liveBefore(node, live), live);
  function liveBefore(node, live) {
    node.liveAfter = live;
    const { kind, children } = node;
    switch (kind) {
      case 'LocalGet':
        return live | bit(node.local);
      case 'LocalSet':
        return before(children, live & ~bit(node.local));
      case 'Block':
        if (node.label) liveAt.set(node.label, live);
        return before(children, live);
      case 'Loop':
        for (let known = 0n; ; ) {
          liveAt.set(node.label, known);
          const found = liveBefore(node.body, live);
          if (found === known) return found;
          known = found;
        }
      case 'If': {
        const other = node.ifFalse ? liveBefore(node.ifFalse, live) : live;
        return liveBefore(node.condition, liveBefore(node.ifTrue, live) | other);
      }
      case 'Break':
      case 'Switch': {
        const after = kind === 'Break' && node.condition ? live : 0n;
        return before(children, node.labels.reduce((live, label) => live | liveAt.get(label), after));
      }
      case 'Return':
        return before(children, 0n);
      case 'Unreachable':
        return 0n;
      default:
        return before(children, live);
    }
  }
  liveBefore(root, 0n);

  /** How nodes that follow one another would be carved out; nothing if that is impossible, or no gain. */
  function plan(nodes) {
    const size = nodes.reduce((size, node) => size + node.size, 0);
    if (size < WORTH_A_CALL) return;
    const inside = new Set();
    const locals = new Set();
    const set = new Set();
    const given = new Set();
    const exits = new Set();
    let returns = false;
    let isImpossible = false;
    const labels = ({ kind, label, children }) => {
      if (kind !== 'Break' && label) inside.add(label);
      children.forEach(labels);
    };
    nodes.forEach(labels);
    const leadsTo = (node, label) =>
      node.labels?.includes(label) || node.children.some((child) => leadsTo(child, label));
    // `certain` has the locals that are set for certain by then.
    const follow = (node, certain) => {
      const { kind, children, local } = node;
      if (kind === 'LocalGet' || kind === 'LocalSet') locals.add(local);
      if (kind === 'LocalGet' && !certain.has(local)) given.add(local);
      if (kind === 'If') {
        follow(node.condition, certain);
        const arms = [node.ifTrue, node.ifFalse].map((arm) => {
          const here = new Set(certain);
          if (arm) follow(arm, here);
          return arm?.type === unreachable ? undefined : here;
        });
        const [one, other] = arms.map((here, nth) => here ?? arms[1 - nth] ?? certain);
        for (const local of one) if (other.has(local)) certain.add(local);
        return;
      }
      if (kind === 'Block' && node.label) {
        const here = new Set(certain);
        let isReached = true;
        for (const child of children) {
          isReached &&= !leadsTo(child, node.label);
          follow(child, here);
          if (isReached) here.forEach((local) => certain.add(local));
        }
        return;
      }
      children.forEach((child) => follow(child, certain));
      if (kind === 'LocalSet') {
        set.add(local);
        certain.add(local);
      }
      if (kind === 'Return') returns = true;
      for (const label of node.labels ?? []) {
        if (inside.has(label)) continue;
        exits.add(label);
        if (node.value) isImpossible = true;
      }
    };
    const certain = new Set();
    nodes.forEach((node) => follow(node, certain));
    const { type, liveAfter } = nodes.at(-1);
    const goesOn = type !== unreachable;
    const hasValue = goesOn && type !== none;
    if (isImpossible || (exits.size > 0 && hasValue) || exits.size > 8) return;
    // What returns from the function may do nothing else.
    if (returns && (exits.size > 0 || goesOn)) return;
    let live = goesOn ? liveAfter : 0n;
    for (const label of exits) live |= liveAt.get(label);
    const taken = [...set].filter((local) => live & bit(local));
    for (const local of taken) if (exits.size > 0 || !certain.has(local)) given.add(local);
    const says = exits.size + (goesOn ? 1 : 0) > 1;
    const back = taken.length + (hasValue ? 1 : 0) + (says ? 1 : 0);
    if (back > RESULTS || given.size > 14) return;
    if (size < WORTH_A_CALL + given.size + back + (says ? 4 : 2)) return;
    const ways = [...(goesOn ? [undefined] : []), ...exits];
    return { nodes, type, given: [...given], taken, locals, ways, returns, goesOn, hasValue, says };
  }

  /** Makes them a function of their own, and gives the call of it. */
  function cut({ nodes, type, given, taken, locals, ways, returns, goesOn, hasValue, says }) {
    const numbers = new Map(given.map((local, nth) => [local, nth]));
    const own = [];
    const number = (local) => {
      if (!numbers.has(local)) numbers.set(local, given.length + own.push(types[local]) - 1);
      return numbers.get(local);
    };
    [...locals, ...taken].forEach(number);
    const renumber = ({ kind, local, expression, children }) => {
      if (local !== undefined) binaryen[kind].setIndex(expression, number(local));
      children.forEach(renumber);
    };
    nodes.forEach(renumber);

    const back = [...taken.map((local) => types[local]), ...(hasValue ? [type] : []), ...(says ? [i32] : [])];
    const typeOf = (types) => (types.length === 1 ? types[0] : types.length ? binaryen.createType(types) : none);
    const gives = returns ? results : typeOf(back);
    const giveBack = (way, value) => {
      const values = taken.map((local) => module.local.get(number(local), types[local]));
      if (value) values.push(value);
      if (says) values.push(module.i32.const(way));
      return module.return(values.length > 1 ? module.tuple.make(values) : values[0]);
    };
    const body = nodes.map(({ expression }) => expression);
    if (hasValue) {
      const value = given.length + own.push(type) - 1;
      body.push(module.local.set(value, body.pop()));
      body.push(giveBack(0, module.local.get(value, type)));
    } else {
      body.push(goesOn ? giveBack(0) : module.unreachable());
    }
    // What leads out of it ends there, and says where it leads to.
    let whole = module.block(null, body, unreachable);
    ways.forEach((label, way) => {
      if (label) whole = module.block(null, [module.block(label, [whole], none), giveBack(way)], unreachable);
    });
    const carved = `${name} without ${count++}`;
    module.addFunction(carved, typeOf(given.map((local) => types[local])), gives, own, whole);

    const values = given.map((local) => module.local.get(local, types[local]));
    const call = module.call(carved, values, gives);
    if (returns) return gives === none ? module.block(null, [call, module.return()]) : module.return(call);
    // Where it leads to, as it says, or the only place.
    const [once] = ways;
    const lead = (way) => {
      if (!says) return once ? module.br(once) : goesOn ? undefined : module.unreachable();
      if (ways.length === 2) {
        const decided = module.br(ways[1], way);
        return once ? module.block(null, [decided, module.br(once)]) : decided;
      }
      if (once) return module.switch(ways, once, way);
      const on = `on ${count}`;
      return module.block(on, [module.switch([on, ...ways.slice(1)], on, way)], none);
    };
    if (back.length === 0) return module.block(null, [call, lead()].filter(Boolean));
    if (back.length === 1) {
      if (hasValue) return call;
      if (says) return lead(call);
      return module.block(null, [module.local.set(taken[0], call), lead()].filter(Boolean));
    }
    const tuple = types.push(gives) - 1;
    added += 1;
    const part = (nth) => module.tuple.extract(module.local.get(tuple, gives), nth);
    const steps = [module.local.set(tuple, call)];
    taken.forEach((local, nth) => steps.push(module.local.set(local, part(nth))));
    if (hasValue) return module.block(null, [...steps, part(taken.length)], type);
    return module.block(null, [...steps, lead(says && part(taken.length))].filter(Boolean));
  }

  const isCold = ({ stretch }) => !ran(stretch);
  function visit(node) {
    if (node.kind === 'If') {
      visit(node.condition);
      for (const arm of [node.ifTrue, node.ifFalse]) {
        const planned = arm && isCold(arm) && plan([arm]);
        if (planned) arm.put(cut(planned));
        else if (arm) visit(arm);
      }
      return;
    }
    if (node.kind !== 'Block') return node.children.forEach(visit);
    // Of neighbours that never ran, as many at once as possible.
    const { children, expression } = node;
    const left = [];
    for (let from = 0; from < children.length; ) {
      let to = from;
      while (to < children.length && isCold(children[to])) to += 1;
      let planned;
      for (; to > from && !planned; to -= 1) planned = plan(children.slice(from, to));
      if (planned) {
        left.push(cut(planned));
        from += planned.nodes.length;
      } else {
        visit(children[from]);
        left.push(children[from].expression);
        from += 1;
      }
    }
    while (binaryen.Block.getNumChildren(expression) > left.length) {
      binaryen.Block.removeChildAt(expression, left.length);
    }
    left.forEach((child, at) => {
      if (binaryen.Block.getChildAt(expression, at) !== child) binaryen.Block.setChildAt(expression, at, child);
    });
  }
  visit(root);
  if (added === 0) return;
  // Functions get no more locals once they are there.
  module.removeFunction(name);
  const all = [...vars, ...types.slice(-added)];
  module.addFunction(name, params, results, all, root.expression);
}

function written(module) {
  binaryen.setDebugInfo(true);
  const bytes = module.emitBinary();
  module.dispose();
  return bytes;
}

/** Where the parts meet: what each needs of the other. All imports of this module have one name, because a
 * name costs more than its place: the script gives them in the order in which they are asked for, which is
 * that of the module (WebAssembly JavaScript Interface, "read the imports"). */
export const OTHER = 'b';

/** What the first part has and both use: memory, tables and stack. */
export const SHARED = 'c';

const STACK = '__stack_pointer';

/** The table of the script's values, which is exported by that name. */
const VALUES = '__wbindgen_externrefs';

/** Makes two modules of one that was carved: the first has what ran, and what the page calls.
 *
 * For what it needs of the rest, the first part has placeholders, which the script provides: the nth calls
 * the nth export of the rest. What the rest needs of the first part is in the table, from `slot` on.
 *
 * `finish` optimises for the last time. After that neither part may be optimised: what is not needed any more
 * would leave, and what comes after it have another place. */
export function divide(bytes, optimise, finish) {
  const module = binaryen.readBinary(bytes);
  const all = functions(module);
  const called = Array.from({ length: module.getNumExports() }, (_, at) =>
    binaryen.getExportInfo(module.getExportByIndex(at)),
  );
  const belongs = new Set(called.map(({ value }) => value));
  for (const { name } of called) if (name.startsWith(RAN)) module.removeExport(name);
  const segment = binaryen.getElementSegmentInfo(module.getElementSegmentByIndex(0));
  const begin = binaryen.getExpressionInfo(segment.offset).value;
  const { initial: slot } = binaryen.getTableInfo(module.getTable(segment.table));
  const import_ = (module, { name, params, results }) => {
    module.removeFunction(name);
    module.addFunctionImport(name, OTHER, name, params, results);
  };

  for (const found of all) if (!belongs.has(found.name)) import_(module, found);
  module.addTableExport(segment.table, 'table');
  module.addGlobalExport(STACK, 'stack');
  const early = optimise(written(module), '--remove-unused-module-elements');
  const small = binaryen.readBinary(early);
  const isFirst = new Set(functions(small).map(({ name }) => name));
  small.dispose();

  const rest = binaryen.readBinary(bytes);
  for (const { name } of called) rest.removeExport(name);
  for (const found of all) if (isFirst.has(found.name)) import_(rest, found);
  rest.addMemoryImport('0', SHARED, 'memory');
  rest.addTableImport(segment.table, SHARED, 'table');
  rest.addTableImport(VALUES, SHARED, VALUES);
  rest.addGlobalImport(STACK, SHARED, 'stack', i32, true);
  rest.removeElementSegment(segment.name);
  const { data } = segment;
  for (let from = 0, to; from < data.length; from = to) {
    for (to = from; to < data.length && isFirst.has(data[to]) === isFirst.has(data[from]); ) to += 1;
    if (isFirst.has(data[from])) continue;
    const at = rest.i32.const(begin + from);
    rest.addActiveElementSegment(segment.table, `slots ${from}`, data.slice(from, to), at);
  }
  for (const name of placeholders(early)) rest.addFunctionExport(name, name);
  const other = optimise(withoutData(written(rest)));

  const needed = placeholders(other);
  const first = binaryen.readBinary(withTable(early, slot + needed.length));
  first.addActiveElementSegment(segment.table, 'shared', needed, first.i32.const(slot));
  // What is constant now shows only when the parts are apart.
  const finished = finish(optimise(written(first)));

  // In the order of the first part's placeholders.
  const ordered = binaryen.readBinary(other);
  const values = new Map(
    placeholders(early).map((name) => [name, binaryen.getExportInfo(ordered.getExport(name)).value]),
  );
  for (const name of values.keys()) ordered.removeExport(name);
  for (const name of placeholders(finished)) ordered.addFunctionExport(values.get(name), name);
  return { first: finished, rest: written(ordered), slot };
}

/** Those of a module, in order. */
function placeholders(bytes) {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
  return imports.filter(({ module }) => module === OTHER).map(({ name }) => name);
}

// The rest of this file is about modules as bytes (WebAssembly Core Specification §5).

const IMPORTS = 2;
const TABLES = 4;
const EXPORTS = 7;
const DATA = 11;
const DATA_COUNT = 12;

/** The module with some of its sections changed: `change` gives what is in one now, or nothing. */
function changed(bytes, change) {
  const parts = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const [size, from] = number(bytes, at + 1);
    at = from + size;
    const content = change(id, bytes.subarray(from, at));
    if (content) parts.push(Buffer.from([id]), leb(content.length), content);
  }
  return Buffer.concat(parts);
}

/** An unsigned number in LEB128, and what comes after it. */
function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

function leb(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

/** With other names: `imports` gives the module and name of one, `exports` the name. */
export function renamed(bytes, imports, exports) {
  return changed(bytes, (id, content) => {
    if (id !== IMPORTS && id !== EXPORTS) return content;
    const [count, begin] = number(content, 0);
    const parts = [content.subarray(0, begin)];
    let at = begin;
    const text = () => {
      const [length, from] = number(content, at);
      at = from + length;
      return content.subarray(from, at).toString();
    };
    const put = (text) => parts.push(leb(Buffer.byteLength(text)), Buffer.from(text));
    const skip = () => ([, at] = number(content, at));
    for (let nth = 0; nth < count; nth++) {
      if (id === IMPORTS) imports(text(), text()).forEach(put);
      else put(exports(text()));
      const from = at;
      const kind = content[at++];
      if (id === EXPORTS || kind === FUNCTION) skip();
      else if (kind === GLOBAL) at += 2;
      else {
        if (kind === TABLE) at += 1;
        const limits = at++;
        skip();
        const to = at;
        if (content[limits] & 1) skip();
        // Of any size: that of the table grows with what is in it.
        parts.push(content.subarray(from, limits), Buffer.from([0]), content.subarray(limits + 1, to));
        continue;
      }
      parts.push(content.subarray(from, at));
    }
    return Buffer.concat(parts);
  });
}

const FUNCTION = 0;
const TABLE = 1;
const GLOBAL = 3;

/** Memory that is shared is filled by the first part. */
const withoutData = (bytes) =>
  changed(bytes, (id, content) => (id === DATA || id === DATA_COUNT ? undefined : content));

/** With a first table of another size, which is fixed. */
function withTable(bytes, size) {
  return changed(bytes, (id, content) => {
    if (id !== TABLES) return content;
    const [, kind] = number(content, 0);
    const [, from] = number(content, kind + 2);
    const [, to] = number(content, from);
    const limits = [Buffer.from([content[kind], 1]), leb(size), leb(size)];
    return Buffer.concat([content.subarray(0, kind), ...limits, content.subarray(to)]);
  });
}
