for (const picture of document.querySelectorAll(".picture")) {
  const pair = picture.querySelector(".pair");
  const windows = picture.querySelectorAll(".window");
  const cut = picture.querySelector(".cut");
  // A share of what is seen, wherever the picture is scrolled to.
  const place = () => pair.style.setProperty("--cut",
    windows[0].scrollLeft + windows[0].clientWidth * cut.value / 100 + "px");
  cut.addEventListener("input", place);
  addEventListener("resize", place);
  picture.querySelector(".zoom").addEventListener("change", event => {
    for (const inside of picture.querySelectorAll(".pair, .errors")) {
      const times = Number(event.target.value);
      inside.style.width = times ? inside.dataset.width * times + "px" : "";
    }
    place();
  });
  for (const one of windows) {
    one.addEventListener("scroll", () => {
      place();
      for (const other of windows) {
        other.scrollLeft = one.scrollLeft;
        other.scrollTop = one.scrollTop;
      }
    });
  }
}
