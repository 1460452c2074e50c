#include "taper/train/page.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/json_text.h"
#include "taper/train/chart_draw.h"
#include "taper/train/page_charts.h"

namespace taper::train {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--back:#fff;--panel:#f6f8fa;--text:#1f2328;--faint:#59636e;--edge:#d1d9e0}
@media (prefers-color-scheme:dark){
:root{--back:#0d1117;--panel:#151b23;--text:#e6edf3;--faint:#9198a1;--edge:#3d444d}}
body{margin:0 auto;max-width:1320px;padding:24px;background:var(--back);color:var(--text);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:32px 0 12px}
.charts{display:grid;gap:16px;grid-template-columns:repeat(auto-fill,minmax(min(100%,520px),1fr))}
figure{margin:0;border:1px solid var(--edge);border-radius:8px;padding:8px;position:relative;
background:var(--back);min-width:0}
svg{display:block;width:100%;height:auto}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:14px}
th,td{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--edge);white-space:nowrap}
th{color:var(--faint);font-weight:600}td.number{font-variant-numeric:tabular-nums}
pre{background:var(--panel);padding:12px;border-radius:8px;overflow:auto;font-size:13px}
summary{cursor:pointer;margin:8px 0}
.tip{position:absolute;pointer-events:none;display:none;background:var(--panel);z-index:1;
border:1px solid var(--edge);border-radius:6px;padding:4px 8px;font-size:12px;white-space:nowrap}
)";

// Shows the values beside the pointer: of each series at the nearest place.
constexpr const char* kScript = R"(
for (const figure of document.querySelectorAll('figure[data-plot]')) {
  const plot = JSON.parse(figure.dataset.plot), svg = figure.querySelector('svg');
  const tip = figure.appendChild(document.createElement('div'));
  const line = svg.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'path'));
  tip.className = 'tip'; line.setAttribute('class', 't-axis');
  const map = (v, s) => s.log ? Math.log10(v) : v;
  const show = n => Math.abs(n) >= 1e6 || (n && Math.abs(n) < 1e-3) ? n.toExponential(3)
    : String(+n.toPrecision(5));
  svg.addEventListener('mousemove', event => {
    const at = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(svg.getScreenCTM().inverse()), x = plot.x;
    const share = (at.x - x.first) / (x.last - x.first);
    if (share < -0.02 || share > 1.02) { leave(); return; }
    const value = map(x.low, x) + share * (map(x.high, x) - map(x.low, x));
    const rows = []; let nearest = null;
    for (const s of plot.series) {
      let low = 0, high = s.x.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (map(s.x[middle], x) < value) low = middle; else high = middle;
      }
      if (high < 0) continue;
      const i = Math.abs(map(s.x[low], x) - value) <= Math.abs(map(s.x[high], x) - value)
        ? low : high;
      if (nearest === null || Math.abs(map(s.x[i], x) - value) < Math.abs(map(nearest, x) - value))
        nearest = s.x[i];
      rows.push([s.name, s.x[i], s.y[i]]);
    }
    if (nearest === null) return;
    tip.textContent = '';
    for (const row of [[plot.label, null, nearest],
                       ...rows.filter(r => plot.series.length < 9 || r[1] === nearest)]) {
      const div = tip.appendChild(document.createElement('div'));
      div.textContent = (row[0] ? row[0] + ': ' : '') + (row[2] === null ? 'none' : show(row[2]));
    }
    const px = x.first + (map(nearest, x) - map(x.low, x)) / (map(x.high, x) - map(x.low, x)) *
      (x.last - x.first);
    line.setAttribute('d', `M${px} ${plot.top}V${plot.bottom}`);
    tip.style.display = line.style.display = 'block';
    const box = figure.getBoundingClientRect(), left = event.clientX - box.left;
    tip.style.top = event.clientY - box.top + 12 + 'px';
    tip.style.left = (left > box.width / 2 ? left - tip.offsetWidth - 12 : left + 12) + 'px';
  });
  const leave = () => { tip.style.display = line.style.display = 'none'; };
  svg.addEventListener('mouseleave', leave);
}
)";

std::string setting(const Settings& settings, const std::string& key) {
  for (const auto& [name, value] : settings) {
    if (name == key) return value == "null" ? "" : value;
  }
  return "";
}

std::string number(double value) { return std::isfinite(value) ? str(value) : "null"; }

void append_list(std::string& out, const std::vector<double>& values, size_t every) {
  out += '[';
  for (size_t i = 0; i < values.size(); i += every) {
    if (i != 0) out += ',';
    out += number(values[i]);
  }
  out += ']';
}

// What the script needs of a chart, as JSON.
std::string plot_data(const LineChart& chart, const LinePlot& plot) {
  constexpr size_t kMostPoints = 2000;
  std::string out = "{\"label\":";
  io::append_json_string(out, chart.x_label);
  out += str(",\"top\":", plot.y.last, ",\"bottom\":", plot.bottom,
             ",\"x\":{\"low\":", number(plot.x.low), ",\"high\":", number(plot.x.high),
             ",\"first\":", plot.x.first, ",\"last\":", plot.x.last, ",\"log\":", plot.x.log,
             "},\"series\":[");
  for (const Series& series : chart.series) {
    if (out.back() != '[') out += ',';
    const size_t every = series.y.size() / kMostPoints + 1;
    out += "{\"name\":";
    io::append_json_string(out, series.name);
    out += ",\"x\":";
    append_list(out, series.x, every);
    out += ",\"y\":";
    append_list(out, series.y, every);
    out += '}';
  }
  return out + "]}";
}

std::string figure_of(const PageChart& chart) {
  constexpr double kWidth = 640, kHeight = 360, kSquare = 560;
  if (chart.map) {
    return str("<figure>", svg_start(kWidth, kSquare), draw(*chart.map, kWidth, kSquare),
               "</svg></figure>\n");
  }
  LinePlot plot;
  const std::string drawing = draw(*chart.line, kWidth, kHeight, &plot);
  return str("<figure data-plot=\"", markup_text(plot_data(*chart.line, plot)), "\">",
             svg_start(kWidth, kHeight), drawing, "</svg></figure>\n");
}

std::string row(const std::vector<std::string>& cells, const char* tag) {
  std::string out = "<tr>";
  for (const std::string& cell : cells) {
    const bool is_number = !cell.empty() && (cell[0] == '-' || (cell[0] >= '0' && cell[0] <= '9'));
    out += str('<', tag, is_number ? " class=\"number\">" : ">", markup_text(cell, 200), "</", tag,
               '>');
  }
  return out + "</tr>\n";
}

// Days, hours, minutes and seconds, the two largest of them.
std::string duration(double seconds) {
  if (!(seconds >= 0 && seconds < 1e10)) return "";
  const int64_t all = static_cast<int64_t>(seconds + 0.5);
  if (all < 60) return str(all, " s");
  if (all < 3600) return str(all / 60, " min ", all % 60, " s");
  if (all < 86'400) return str(all / 3600, " h ", all / 60 % 60, " min");
  return str(all / 86'400, " d ", all / 3600 % 24, " h");
}

std::string table_of_runs(const std::vector<RunRecord>& runs) {
  std::string out = "<div class=\"scroll\"><table>\n" +
                    row({"run", "started", "host", "commit", "seed", "steps", "took"}, "th");
  for (const RunRecord& run : runs) {
    const Settings known = flat_settings(run.environment, "env.json");
    double steps = 0;
    for (const MetricSeries& series : run.metrics) {
      if (!series.steps.empty()) steps = std::max(steps, series.steps.back());
    }
    const MetricSeries* time = find_series(run.metrics, "time");
    const std::string commit = setting(known, "git_commit").substr(0, 10);
    out += row({run.name, setting(known, "time"), setting(known, "host"),
                setting(known, "git_changes").empty() ? commit : commit + " + changes",
                setting(known, "seed"), run.metrics.empty() ? "" : short_number(steps),
                time == nullptr ? "" : duration(time->values.back() - time->values.front())},
               "td");
  }
  return out + "</table></div>\n";
}

// The figures on validation and test data; on training data where there are no others.
std::vector<std::string> figures_of(const std::vector<RunRecord>& runs) {
  std::vector<std::string> names, training;
  for (const RunRecord& run : runs) {
    for (const MetricSeries& series : run.metrics) {
      const std::string split = split_of(series.name).first;
      if (split.empty()) continue;
      std::vector<std::string>& list = split == "train" ? training : names;
      if (std::find(list.begin(), list.end(), series.name) == list.end()) {
        list.push_back(series.name);
      }
    }
  }
  return names.empty() ? training : names;
}

std::string table_of_figures(const std::vector<RunRecord>& runs) {
  const std::vector<std::string> names = figures_of(runs);
  if (names.empty()) return "";
  std::vector<std::string> head = {"run"};
  for (const std::string& name : names) head.insert(head.end(), {name, "lowest", "highest"});
  std::string out = "<h2>Last figures</h2>\n<div class=\"scroll\"><table>\n" + row(head, "th");
  for (const RunRecord& run : runs) {
    std::vector<std::string> cells = {run.name};
    for (const std::string& name : names) {
      const MetricSeries* series = find_series(run.metrics, name);
      double low = INFINITY, high = -INFINITY;
      for (const double value : series != nullptr ? series->values : std::vector<double>()) {
        low = std::fmin(low, value);
        high = std::fmax(high, value);
      }
      const bool known = low <= high;
      cells.push_back(known ? short_number(series->values.back()) : "");
      cells.push_back(known ? short_number(low) : "");
      cells.push_back(known ? short_number(high) : "");
    }
    out += row(cells, "td");
  }
  return out + "</table></div>\n";
}

std::string table_of_settings(const std::vector<RunRecord>& runs) {
  std::map<std::string, std::vector<std::string>> values;
  for (size_t i = 0; i < runs.size(); ++i) {
    for (auto& [key, value] : flat_settings(runs[i].config, "config.json")) {
      std::vector<std::string>& of_runs = values[key];
      of_runs.resize(runs.size());
      of_runs[i] = std::move(value);
    }
  }
  std::string out;
  for (const auto& [key, of_runs] : values) {
    // Equal to the one before it, each of them.
    if (std::equal(of_runs.begin() + 1, of_runs.end(), of_runs.begin())) continue;
    std::vector<std::string> cells = {key};
    cells.insert(cells.end(), of_runs.begin(), of_runs.end());
    out += row(cells, "td");
  }
  if (out.empty()) return "";
  std::vector<std::string> head = {"setting"};
  for (const RunRecord& run : runs) head.push_back(run.name);
  return "<h2>Settings that differ</h2>\n<div class=\"scroll\"><table>\n" + row(head, "th") + out +
         "</table></div>\n";
}

std::string details(const std::vector<RunRecord>& runs) {
  std::string out;
  for (const RunRecord& run : runs) {
    for (const auto& [title, text] :
         {std::pair{"configuration", &run.config}, std::pair{"environment", &run.environment}}) {
      if (text->empty()) continue;
      out += str("<details><summary>", markup_text(run.name), ": ", title, "</summary><pre>",
                 markup_text(*text), "</pre></details>\n");
    }
  }
  return out.empty() ? "" : "<h2>Details</h2>\n" + out;
}

}  // namespace

void write_report(const std::string& path, const std::vector<RunRecord>& runs,
                  const std::string& title) {
  std::string page = str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n",
                         "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
                         markup_text(title), "</title>\n<style>", kStyle, chart_style(),
                         "</style></head><body>\n<h1>", markup_text(title), "</h1>\n");
  page += table_of_runs(runs) + table_of_figures(runs) + table_of_settings(runs);
  std::string section;
  for (const PageChart& chart : charts_of(runs)) {
    if (chart.section != section) {
      page += str(section.empty() ? "" : "</div>\n", "<h2>", chart.section,
                  "</h2>\n<div class=\"charts\">\n");
      section = chart.section;
    }
    page += figure_of(chart);
  }
  page += str(section.empty() ? "" : "</div>\n", details(runs), "<script>", kScript,
              "</script>\n</body></html>\n");
  write_file(path, page.data(), page.size());
}

}  // namespace taper::train
