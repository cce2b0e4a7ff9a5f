package report

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// ByteBar is one bar on a terminal, for work that is counted in bytes.
type ByteBar struct {
	container   *mpb.Progress
	bar         *mpb.Bar
	done, total atomic.Int64
}

// NewByteBar draws a bar with a title.
func NewByteBar(terminal io.Writer, title string) *ByteBar {
	b := &ByteBar{}
	start := time.Now()
	b.container = newContainer(terminal)
	title = text.Pad(ending(Printable(title), barTitle), barTitle+2, ' ')
	b.bar = b.container.New(0, barStyle(), mpb.BarWidth(22),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return title })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			done := b.done.Load()
			return fmt.Sprintf("  %s of %s   %s/s", Bytes(done), Bytes(b.total.Load()), Bytes(perSecond(done, time.Since(start))))
		})))
	return b
}

// Set says how far the work is.
func (b *ByteBar) Set(done, total int64) {
	b.done.Store(done)
	b.total.Store(total)
	b.bar.SetTotal(total, false)
	b.bar.SetCurrent(done)
}

// Close takes the bar away.
func (b *ByteBar) Close() {
	b.bar.Abort(true)
	b.container.Wait()
}
