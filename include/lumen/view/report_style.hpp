// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string_view>

namespace lumen::view {

/// The report's style sheet: light and dark by the reader's preference, from a phone's width up, and for
/// print.
inline constexpr std::string_view report_style = R"css(
:root{color-scheme:light dark;
--paper:#fdfdfc;--card:#fff;--ink:#1d1d20;--soft:#63636b;--line:#e4e4e2;--wash:#f4f4f2;--accent:#0b6b5c;--good:#e3f1ea;
--series-1:#22688f;--series-2:#c2571a;--series-3:#3c7d3f;--series-4:#96336f;--series-5:#6a55a8;--series-6:#6b6b6b;
--serif:"Iowan Old Style","Palatino Linotype",Palatino,"Source Serif 4",Georgia,"DejaVu Serif",serif;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","DejaVu Sans",sans-serif;
--mono:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){:root{
--paper:#17181a;--card:#1e2022;--ink:#e9e8e4;--soft:#a2a2a6;--line:#33353a;--wash:#222427;--accent:#6fc7b3;--good:#1f3b33;
--series-1:#6cb2dd;--series-2:#f0995f;--series-3:#84c287;--series-4:#dd86b8;--series-5:#ab9ae6;--series-6:#b0b0b0}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 var(--sans);overflow-wrap:break-word}
.page{max-width:76rem;margin:0 auto;padding:3.5rem 2rem 4rem}
header{max-width:46rem;margin-bottom:2.5rem}
h1,h2,h3{font-family:var(--serif);font-weight:600;line-height:1.2;text-wrap:balance}
h1{font-size:clamp(1.9rem,1.4rem + 2vw,2.7rem);margin:0 0 .8rem;letter-spacing:-.01em}
h2{font-size:1.55rem;margin:0 0 .9rem;padding-top:1.1rem;border-top:1px solid var(--line)}
h3{font-size:1.15rem;margin:2.2rem 0 .6rem}
p{margin:0 0 1rem;max-width:46rem}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.2em}
.lead{font:1.15rem/1.6 var(--serif);color:var(--ink)}
.byline{color:var(--soft);font-size:.85rem;margin:0}
nav{margin:0 0 3rem;font-size:.9rem;display:flex;flex-wrap:wrap;gap:.35rem 1.4rem}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
section{margin:0 0 3.5rem;scroll-margin-top:1rem}
.note{color:var(--soft);font-size:.9rem}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:1.2rem 2rem;margin:1.6rem 0 2rem;padding:0}
.facts div{border-top:2px solid var(--accent);padding-top:.6rem}
.facts dt{font-size:.85rem;color:var(--soft);line-height:1.4}
.facts dd{margin:0;font:600 1.75rem/1.25 var(--serif);font-variant-numeric:tabular-nums lining-nums}
.facts small{display:block;font:.8rem/1.4 var(--sans);color:var(--soft);font-weight:400}
figure{margin:0}
figure.single{margin:1.4rem 0 2rem}
figcaption{font-size:.85rem;line-height:1.45;color:var(--soft);margin-top:.5rem;max-width:46rem}
figcaption b{display:block;color:var(--ink);font-weight:600}
img{display:block;max-width:100%;height:auto;image-rendering:pixelated;border-radius:2px;cursor:zoom-in}
.grid{display:grid;gap:1.4rem 1.2rem;margin:1.4rem 0 2rem;grid-template-columns:repeat(auto-fill,minmax(min(var(--side,13rem),44%),1fr))}
.grid img{width:100%}
.wide{overflow-x:auto}
.scroll{overflow-x:auto;margin:1.4rem 0 2rem}
.matrix{border-collapse:separate;border-spacing:0;font-size:.85rem}
.matrix th{font-weight:600;text-align:left;padding:0 .5rem .5rem 0;line-height:1.35;vertical-align:bottom}
.matrix tbody th{vertical-align:top;min-width:8.5rem;max-width:11rem;position:sticky;left:0;background:var(--paper);padding-right:1rem;z-index:1}
.matrix tbody th small{display:block;font-weight:400;color:var(--soft);margin-top:.2rem}
.matrix td{padding:0 .6rem 1rem 0;vertical-align:top}
.matrix img{width:var(--side,9.5rem);max-width:none}
.matrix figcaption{margin-top:.3rem;max-width:var(--side,9.5rem);font-size:.8rem}
.data{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums lining-nums}
.data th,.data td{padding:.42rem 1.1rem .42rem 0;text-align:left;vertical-align:baseline}
.data thead th{font-weight:600;font-size:.82rem;line-height:1.35;color:var(--soft);border-bottom:1px solid var(--soft);vertical-align:bottom}
.data tbody td,.data tbody th{border-bottom:1px solid var(--line);font-weight:400}
.data .n{text-align:right;padding:.42rem .75rem}.data td.n{white-space:nowrap}
.data tbody th{position:sticky;left:0;background:var(--paper)}
.data .best{background:var(--good);font-weight:600}
.data tbody tr:hover td,.data tbody tr:hover th{background:var(--wash)}
.data tbody tr:hover .best{background:var(--good)}
.data button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:inherit}
.data button:hover,.data button:focus-visible{color:var(--accent)}
.data [aria-sort=ascending] button::after{content:" \2191"}
.data [aria-sort=descending] button::after{content:" \2193"}
.charts{display:grid;gap:1.5rem 2.5rem;margin:1.4rem 0 2rem;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr))}
.charts figure{max-width:40rem;min-width:0}
.chart{display:block;width:100%;height:auto;overflow:visible}
pre{background:var(--wash);border:1px solid var(--line);border-radius:4px;padding:.9rem 1.1rem;overflow-x:auto;font:.85rem/1.55 var(--mono);margin:0 0 1.4rem}
.key{display:flex;flex-wrap:wrap;gap:.4rem 1.4rem;font-size:.85rem;color:var(--soft);margin:0 0 1.2rem;padding:0;list-style:none}
.key i{display:inline-block;width:1em;height:1em;border-radius:2px;vertical-align:-.12em;margin-right:.45em;border:1px solid var(--line)}
footer{border-top:1px solid var(--line);padding-top:1.2rem;font-size:.85rem;line-height:1.5;color:var(--soft)}
footer ol{padding-left:1.2rem;margin:0 0 1rem;max-width:46rem}
dialog{border:0;padding:1rem;background:var(--card);color:var(--ink);max-width:96vw;max-height:96vh;border-radius:4px}
dialog::backdrop{background:rgb(0 0 0/.7)}
dialog img{width:min(86vw,82vh);max-width:none;height:auto;max-height:82vh;object-fit:contain;cursor:zoom-out}
dialog p{margin:.6rem 0 0;font-size:.9rem;color:var(--soft)}
@media (max-width:40rem){.page{padding:1.8rem 1.1rem 3rem}.facts{grid-template-columns:1fr 1fr;gap:1rem 1.2rem}.facts dd{font-size:1.4rem}
.matrix tbody th{min-width:5.6rem;max-width:5.6rem;font-size:.78rem;padding-right:.6rem}.matrix img{width:min(var(--side,9.5rem),7.6rem)}section{margin-bottom:2.6rem}}
@media print{body{font-size:10pt}.page{max-width:none;padding:0}nav,dialog{display:none}figure,tr{break-inside:avoid}}
)css";

/// Sorts a table by the column whose head is pressed, and shows a pressed picture large. The page reads the
/// same without it.
inline constexpr std::string_view report_script = R"js(
document.querySelectorAll('table.data.sortable').forEach(function(t){
  var heads=[].slice.call(t.tHead.rows[0].cells);
  heads.forEach(function(h,i){
    var b=document.createElement('button');b.type='button';
    while(h.firstChild)b.appendChild(h.firstChild);
    h.appendChild(b);
    b.addEventListener('click',function(){
      var down=h.getAttribute('aria-sort')!=='descending'&&(h.className==='n'||h.getAttribute('aria-sort')==='ascending');
      heads.forEach(function(o){o.removeAttribute('aria-sort')});
      h.setAttribute('aria-sort',down?'descending':'ascending');
      var v=function(r){var c=r.cells[i];return c.dataset.v!==undefined?parseFloat(c.dataset.v):c.textContent};
      [].slice.call(t.tBodies[0].rows).sort(function(a,b){
        var x=v(a),y=v(b);
        if(typeof x==='string'||typeof y==='string')return String(x).localeCompare(String(y))*(down?-1:1);
        if(isNaN(x)||isNaN(y))return isNaN(x)-isNaN(y);
        return (x-y)*(down?-1:1)}).forEach(function(r){t.tBodies[0].appendChild(r)})})})});
(function(){
  var d=document.createElement('dialog');
  if(!d.showModal)return;
  document.body.appendChild(d);
  d.addEventListener('click',function(){d.close()});
  document.querySelectorAll('figure img').forEach(function(i){
    i.addEventListener('click',function(){
      var p=document.createElement('p');p.textContent=i.alt;
      var c=i.cloneNode();c.removeAttribute('style');
      d.replaceChildren(c,p);d.showModal()})})})();
)js";

}  // namespace lumen::view
