/** The pool's state, live: one page without anything from elsewhere, fed by `/debug/state`. */
export const dashboardPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Backfill · pool</title>
<style>
  :root { color-scheme: light dark; --ink: light-dark(#1a1d21, #e7e9ec); --dim: light-dark(#5f6873, #98a1ab);
    --line: light-dark(#dfe3e8, #2c333a); --card: light-dark(#fff, #191d21); --back: light-dark(#f5f6f8, #101316);
    --realtime: light-dark(#1f6feb, #58a6ff); --sheddable: light-dark(#b7791f, #d8a13c); --bad: light-dark(#c93c37, #f47067); }
  * { box-sizing: border-box; }
  body { margin: 0; padding: 2rem clamp(1rem, 4vw, 3rem); background: var(--back); color: var(--ink);
    font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
  header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; margin-bottom: 1.5rem; }
  h1 { font-size: 1.25rem; margin: 0; }
  header p { margin: 0; color: var(--dim); }
  #notice { color: var(--bad); }
  dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 0 0 1.5rem; }
  dl div, .table { background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
  dl div { padding: .75rem 1rem; }
  dt { color: var(--dim); font-size: .85rem; }
  dd { margin: 0; font-size: 1.5rem; font-weight: 600; }
  .table { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; }
  th, td { padding: .5rem 1rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
  tr:last-child td { border-bottom: 0; }
  th { color: var(--dim); font-weight: 500; font-size: .85rem; }
  th:first-child, td:first-child { text-align: left; }
  .bar { display: flex; width: 10rem; height: .6rem; margin-left: auto; background: var(--line); border-radius: 3px; overflow: hidden; }
  .bar i { flex: 0 0 auto; }
  .realtime { background: var(--realtime); } .sheddable { background: var(--sheddable); }
  .bad { color: var(--bad); }
  .key { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin: 0 .3rem 0 1rem; }
</style>
<header>
  <h1>Pool <span id="pool"></span></h1>
  <p>policy <span id="policy"></span></p>
  <p><span class="key realtime"></span>real-time <span class="key sheddable"></span>sheddable</p>
  <p id="notice" role="status"></p>
</header>
<dl id="figures"></dl>
<div class="table"><table>
  <thead><tr><th>endpoint</th><th>state</th><th>in flight</th><th>real-time</th><th>sheddable</th><th>window</th>
    <th>running</th><th>waiting</th><th>KV cache</th><th>saturation</th></tr></thead>
  <tbody id="endpoints"></tbody>
</table></div>
<script>
  const byId = (id) => document.getElementById(id);
  const percent = (share) => Math.round(share * 100) + ' %';
  const element = (tag, content, className) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...[content].flat());
    return made;
  };
  function figure(name, value) {
    return element('div', [element('dt', name), element('dd', String(value))]);
  }
  function row(endpoint, most) {
    const { engine, realtime, sheddable } = endpoint;
    const bar = element('div', ['realtime', 'sheddable'].map((kind) => {
      const part = element('i', '', kind);
      part.style.width = (100 * endpoint[kind].inFlight) / most + '%';
      return part;
    }), 'bar');
    const cells = [realtime.inFlight, sheddable.inFlight, endpoint.sheddableWindow, engine ? engine.running : '–',
      engine ? engine.waiting : '–', engine ? percent(engine.kvCacheUtilization) : '–', endpoint.saturation.toFixed(2)];
    const { condition, ejectedFor } = endpoint;
    const isBad = condition === 'refuses' || ejectedFor !== null;
    const state = [condition, ...(ejectedFor ? [ejectedFor.replaceAll('_', ' ')] : isBad || engine ? [] : ['no metrics'])].join(', ');
    return element('tr', [element('td', endpoint.host), element('td', state, isBad ? 'bad' : ''),
      element('td', bar), ...cells.map((cell) => element('td', String(cell)))]);
  }
  function show(state) {
    const { capacity, endpoints } = state;
    byId('pool').textContent = state.pool;
    byId('policy').textContent = state.policy;
    byId('notice').textContent = state.draining ? 'draining' : '';
    const queued = Object.values(capacity.queued).reduce((sum, count) => sum + count, 0);
    const realtime = endpoints.reduce((sum, endpoint) => sum + endpoint.realtime.inFlight, 0);
    byId('figures').replaceChildren(
      figure('ready endpoints', capacity.readyEndpoints + ' of ' + endpoints.length),
      figure('saturation', capacity.saturation.toFixed(2)),
      figure('without sheddable', state.realtimeSaturation.toFixed(2)),
      figure('real-time in flight', realtime),
      figure('sheddable in flight', capacity.sheddable.inFlight + ' of ' + capacity.sheddable.window),
      figure('waiting here', queued));
    const most = Math.max(1, ...endpoints.map((endpoint) => endpoint.realtime.inFlight + endpoint.sheddable.inFlight));
    byId('endpoints').replaceChildren(...endpoints.map((endpoint) => row(endpoint, most)));
  }
  async function refresh() {
    try {
      const answer = await fetch('debug/state', { cache: 'no-store' });
      show(await answer.json());
    } catch {
      byId('notice').textContent = 'the gateway does not answer';
    }
    setTimeout(refresh, 1000);
  }
  refresh();
</script>
</html>
`;
