"use strict";
(function () {
  var root = document.documentElement;
  var button = document.getElementById("theme");
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function isDark() { return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches; }
  function name() { button.textContent = isDark() ? "Light" : "Dark"; }
  button.hidden = false;
  name();
  dark.addEventListener("change", name);
  button.addEventListener("click", function () { root.dataset.theme = isDark() ? "light" : "dark"; name(); });

  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (part) { part.open = true; });
  });

  var ground = JSON.parse(document.getElementById("ground").textContent);
  var numbers = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 5 });

  function element(kind, text, classes) {
    var made = document.createElement(kind);
    made.textContent = text;
    if (classes) { made.className = classes; }
    return made;
  }
  function nearest(places, share) {
    var low = 0, high = places.length - 1;
    while (high - low > 1) {
      var middle = (low + high) >> 1;
      if (places[middle] < share) { low = middle; } else { high = middle; }
    }
    return share - places[low] <= places[high] - share ? low : high;
  }
  function phasesAt(share) {
    return ground.bands.filter(function (band) { return band.at <= share && share < band.at + band.width; })
      .map(function (band) { return band.name; }).join(", ");
  }

  document.querySelectorAll(".chart").forEach(function (chart) {
    var data = JSON.parse(chart.querySelector("script").textContent);
    var places = data.places || ground.places, labels = data.labels || ground.labels;
    var plot = chart.querySelector(".plot"), cursor = chart.querySelector(".cursor"), tip = chart.querySelector(".tip");
    var unit = chart.dataset.unit, at = -1;
    function show(place) {
      at = Math.max(0, Math.min(places.length - 1, place));
      var share = places[at], left = share * plot.clientWidth;
      cursor.hidden = tip.hidden = false;
      cursor.style.left = left + "px";
      var phases = data.places ? "" : phasesAt(share);
      tip.replaceChildren(element("b", labels[at] + (phases ? "  " + phases : "")));
      data.curves.forEach(function (curve) {
        var value = curve.values[at];
        var known = value !== null && value !== undefined;
        if (!known && data.places) { return; }
        var row = document.createElement("div");
        row.append(element("span", curve.name, curve.classes),
          element("em", known ? numbers.format(value) + (unit ? " " + unit : "") : "–"));
        tip.append(row);
      });
      tip.style.left = left > plot.clientWidth / 2 ? "auto" : left + 10 + "px";
      tip.style.right = left > plot.clientWidth / 2 ? plot.clientWidth - left + 10 + "px" : "auto";
    }
    function hide() { cursor.hidden = tip.hidden = true; at = -1; }
    plot.addEventListener("pointermove", function (event) {
      var box = plot.getBoundingClientRect();
      show(nearest(places, (event.clientX - box.left) / box.width));
    });
    plot.addEventListener("pointerdown", function (event) {
      var box = plot.getBoundingClientRect();
      show(nearest(places, (event.clientX - box.left) / box.width));
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", function (event) {
      if (event.key === "ArrowLeft") { show(at < 0 ? places.length - 1 : at - 1); }
      else if (event.key === "ArrowRight") { show(at + 1); }
      else if (event.key === "Escape") { hide(); }
      else { return; }
      event.preventDefault();
    });
  });
})();
