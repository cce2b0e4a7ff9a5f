package report

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"mailmill/formats"
	"mailmill/load"
)

// Bars draws two bars on a terminal: the whole run, with its speed and the time left, and the current folder; before
// that one for the first pass, see [Bars.Learning]. It
// implements [load.Observer], and [io.Writer] for what else goes to the same terminal: its lines appear above the bars.
type Bars struct {
	terminal io.Writer

	mu            sync.Mutex
	container     *mpb.Progress
	whole, folder *mpb.Bar
	state         load.Progress

	learning    *mpb.Bar
	done, total int
}

// barTitle is the width of the column of names left of the bars.
const barTitle = 24

// NewBars returns bars for a terminal. They appear with the first progress and go with Close. How wide the terminal is
// they know only of an [os.File].
func NewBars(terminal io.Writer) *Bars { return &Bars{terminal: terminal} }

// Progress implements [load.Observer].
func (b *Bars) Progress(p load.Progress) {
	b.mu.Lock()
	b.state = p
	if b.container == nil {
		b.start()
	}
	whole, folder := b.whole, b.folder
	b.mu.Unlock()
	// The bars are never told that they are complete: they leave together, when the run has ended.
	whole.SetTotal(int64(p.Found), false)
	whole.SetCurrent(int64(p.Done))
	folder.SetTotal(int64(p.FolderFound), false)
	folder.SetCurrent(int64(p.FolderDone))
}

// Learning draws a bar for the first pass of a run: how many places of how many have been learnt from. It stays on the
// terminal when it is full and Close is called, which has to be before the second pass begins.
func (b *Bars) Learning(done, total int) {
	b.mu.Lock()
	b.done, b.total = done, total
	if b.container == nil {
		b.container = newContainer(b.terminal)
		title := text.Pad("Learning addresses", barTitle+2, ' ')
		b.learning = b.container.New(int64(total), barStyle(), mpb.BarWidth(22),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return title })),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
				b.mu.Lock()
				defer b.mu.Unlock()
				return "  " + Count(b.done) + " of " + Count(b.total)
			})))
	}
	learning := b.learning
	b.mu.Unlock()
	learning.SetCurrent(int64(done))
}

// Item implements [load.Observer].
func (b *Bars) Item(*formats.Item, load.Outcome, error) {}

func (b *Bars) start() {
	b.container = newContainer(b.terminal)
	bar := func(title func(load.Progress) string, right func(load.Progress, int) string) *mpb.Bar {
		return b.container.New(0, barStyle(), mpb.BarWidth(22),
			mpb.PrependDecorators(b.decorator(func(p load.Progress, _ int) string {
				return text.Pad(ending(title(p), barTitle), barTitle+2, ' ')
			})),
			mpb.AppendDecorators(b.decorator(right)))
	}
	b.whole = bar(func(p load.Progress) string { return Printable(p.Source) }, wholeRun)
	b.folder = bar(func(p load.Progress) string { return folderName(p.Folder) }, func(p load.Progress, _ int) string {
		return fmt.Sprintf("  %s of %s", Count(p.FolderDone), Count(p.FolderFound))
	})
}

// wholeRun returns what stands right of the bar of the whole run. Where there is room for so many columns only, bar
// included, speeds are left out.
func wholeRun(p load.Progress, room int) string {
	const bar = 12 // the least, with the spaces around it
	speeds := []string{
		"   " + Count(int(perSecond(int64(p.Done), p.Elapsed))) + " items/s",
		"   " + Bytes(perSecond(p.Bytes, p.Elapsed)) + "/s",
	}
	begin, end := fmt.Sprintf("  %s of %s", Count(p.Done), Count(p.Found)), ""
	if left, ok := timeLeft(p); ok {
		end = "   " + shortly(left) + " left"
	}
	for len(speeds) > 0 && bar+text.StringWidth(begin+strings.Join(speeds, "")+end) > room {
		speeds = speeds[1:]
	}
	return begin + strings.Join(speeds, "") + end
}

func newContainer(terminal io.Writer) *mpb.Progress {
	return mpb.New(mpb.WithOutput(terminal), mpb.WithWidth(100), mpb.WithRefreshRate(150*time.Millisecond), mpb.WithAutoRefresh())
}

func barStyle() mpb.BarStyleComposer {
	return mpb.BarStyle().Lbound("").Filler("█").Tip("█").Padding("░").Rbound("")
}

// decorator returns a text beside a bar; it is told how many columns are left.
func (b *Bars) decorator(of func(load.Progress, int) string) decor.Decorator {
	return decor.Any(func(s decor.Statistics) string {
		b.mu.Lock()
		p := b.state
		b.mu.Unlock()
		return of(p, s.AvailableWidth)
	})
}

// ending returns the end of a title that is too wide: the end of a path says more than its beginning.
func ending(title string, width int) string {
	if text.StringWidth(title) <= width {
		return title
	}
	runes := []rune(title)
	for len(runes) > 0 && text.StringWidth(string(runes)) >= width {
		runes = runes[1:]
	}
	return "…" + string(runes)
}

func perSecond(n int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(float64(n) / d.Seconds())
}

// shortly writes a time left, without digits that nobody believes.
func shortly(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	}
	return Duration(d)
}

// Write writes whole lines above the bars while there are any.
func (b *Bars) Write(p []byte) (int, error) {
	b.mu.Lock()
	container := b.container
	b.mu.Unlock()
	if container == nil {
		return b.terminal.Write(p)
	}
	return container.Write(p)
}

// Close takes the bars away. Whatever is written from then on goes straight to the terminal.
func (b *Bars) Close() {
	b.mu.Lock()
	container, learning := b.container, b.learning
	bars := []*mpb.Bar{b.whole, b.folder}
	b.mu.Unlock()
	if container == nil {
		return
	}
	if learning != nil {
		learning.Abort(false) // one that is full has ended already
	} else {
		for _, bar := range bars {
			bar.Abort(true)
		}
	}
	container.Wait()
	b.mu.Lock()
	b.container, b.learning = nil, nil
	b.mu.Unlock()
}

// Ticker logs a line a minute, for whoever watches a log. It implements [load.Observer].
type Ticker struct {
	Log *slog.Logger

	next time.Duration
}

// Learning is the first pass of a run, which takes its time, too.
func (t *Ticker) Learning(done, total int, elapsed time.Duration) {
	if elapsed < t.next+time.Minute {
		return
	}
	t.next = elapsed.Truncate(time.Minute)
	t.Log.Info("learning addresses", "done", done, "found", total)
}

// Progress implements [load.Observer].
func (t *Ticker) Progress(p load.Progress) {
	if p.Elapsed < t.next+time.Minute {
		return
	}
	t.next = p.Elapsed.Truncate(time.Minute)
	args := []any{
		"source", Printable(p.Source), "folder", folderName(p.Folder),
		"done", p.Done, "found", p.Found,
		"items_per_s", perSecond(int64(p.Done), p.Elapsed), "speed", Bytes(perSecond(p.Bytes, p.Elapsed)) + "/s",
	}
	if left, ok := timeLeft(p); ok {
		args = append(args, "left", shortly(left))
	}
	t.Log.Info("converting", args...)
}

// Item implements [load.Observer].
func (t *Ticker) Item(*formats.Item, load.Outcome, error) {}
